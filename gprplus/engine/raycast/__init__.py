"""Rays, shapes, shadows and shading."""
