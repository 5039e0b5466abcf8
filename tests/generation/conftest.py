"""Fixtures of the generation tests."""

import pytest
from tokenizers import Tokenizer

from generation.byte_tokenizer import CONTROL, byte_tokenizer


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    return byte_tokenizer(*CONTROL)
