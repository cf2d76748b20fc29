"""A believable brand to try Habitué on: customers and what they do, made from a seed, any number of them."""
