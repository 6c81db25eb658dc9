"""A model's drivers in words, with the customer's own numbers, English and Chinese."""

from decisions.driver_words import amounts as amounts  # isort: skip
from decisions.driver_words import basket as basket  # isort: skip
from decisions.driver_words import forecast as forecast  # isort: skip
from decisions.driver_words import purchases as purchases  # isort: skip
from decisions.driver_words import relations as relations  # isort: skip
from decisions.driver_words.own import Own, Terms, medians_of, own_numbers
from decisions.driver_words.saying import sayers_of, sentence
from decisions.driver_words.spoken import Spoken, families, spoken

__all__ = ["Own", "Spoken", "Terms", "families", "medians_of", "own_numbers", "sayers_of", "sentence", "spoken"]
