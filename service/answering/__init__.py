"""From a question and its hits to an answer in quotes, or to the reason why there is none."""
