"""Knows the networks that the worker's tests share."""

import pytest
from fakes.worker_scenes import load_models


@pytest.fixture(scope="session")
def models():
    """The four networks, loaded once."""
    return load_models()
