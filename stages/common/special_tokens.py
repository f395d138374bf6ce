"""The marks in a caption's tokens, which no caption can contain: the tokeniser does not know them."""

PAD, START, END = 0, 1, 2
MARKS = 3  # the three above; the tokeniser's own tokens follow
