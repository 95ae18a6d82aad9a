"""What people read of a night: the table of intervals and its plot."""
