"""A sheet of paper for each team: what to do differently, its figures, its actions and its questions."""
