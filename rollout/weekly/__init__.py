"""What is asked of what serves once a week: the drift pack, the pool audit and the tripwires."""
