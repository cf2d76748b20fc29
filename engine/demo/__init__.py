"""A realistic brand to try Habitué on: any number of customers and their behaviour, generated from a seed."""
