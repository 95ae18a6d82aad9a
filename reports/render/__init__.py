"""What people open: terminal, page, tables, plots and Allure."""
