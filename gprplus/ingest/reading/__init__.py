"""Reading: names parsed and files opened side by side, in as many processes as pay, a batch at a
time.

- `batch`: what a worker does.
- `columns`: the result of a batch as a table.
- `read`: all batches, into one table.
- `partial`: what is finished of a build that is not.
"""
