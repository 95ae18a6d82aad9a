"""What is done again and again with what serves: jobs of a night, a week, or all day."""
