"""What is peculiar to one database, a file each: how it is opened, and what its errors mean."""
