"""`make new`: a first project.yml from the files of a company, every guess with its reason, nothing overwritten.

`new` looks at the files, guesses what they are, copies them below data/<project>/raw/ and writes data/<project>/project.yml.
"""

from helpers.new.begin import Begun, new

__all__ = ["Begun", "new"]
