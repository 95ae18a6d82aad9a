"""What does a promotion change, and what must hold before it does?"""
