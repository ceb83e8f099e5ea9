"""What customers will do next, each graded against a baseline on a later period: value, attrition, next item, look-alikes, themes."""
