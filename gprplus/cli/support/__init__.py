"""What commands share that is not printed: streams, limits of memory, values of options."""
