"""What is asked every minute: does what serves answer at all?"""
