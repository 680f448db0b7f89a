"""The SQL of the two great commits, a statement for each step, over the staging tables that `commits` fills."""
