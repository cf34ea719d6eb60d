"""What sounds like a phrase without being it, by phonemes."""

from data_tools.confusables.make import Confusable, confusables
from data_tools.confusables.word_list import WordList, load_word_list

__all__ = ["Confusable", "WordList", "confusables", "load_word_list"]
