"""Inspection: a manifest looked over, two compared, a sheet of samples drawn, a layout tried before anything is built.

inspect: everything at a glance. cells: the crossed design. problems: sentences. compare: two manifests. sample:
pictures of every level. trial: `layouts try`.
"""
