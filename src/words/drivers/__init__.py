"""A model's drivers in words, with the customer's own numbers, English and Chinese."""

from lifecycle.words.drivers import amounts as amounts  # isort: skip
from lifecycle.words.drivers import basket as basket  # isort: skip
from lifecycle.words.drivers import model_says as model_says  # isort: skip
from lifecycle.words.drivers import purchases as purchases  # isort: skip
from lifecycle.words.drivers import relations as relations  # isort: skip
from lifecycle.words.drivers.own import Own, Terms, medians_of, own_numbers
from lifecycle.words.drivers.saying import sayers_of, sentence
from lifecycle.words.drivers.spoken import Spoken, families, spoken

__all__ = ["Own", "Spoken", "Terms", "families", "medians_of", "own_numbers", "sayers_of", "sentence", "spoken"]
