"""What customers will be worth: purchases to come, money each, and how sure one may be of both."""
