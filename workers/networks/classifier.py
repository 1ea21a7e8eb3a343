"""Knows what every network that names classes has in common. Does not know what they mean."""

from abc import abstractmethod

from torch import Tensor, nn


class Classifier(nn.Module):
    """Classes of a picture. Input (N, 3, S, S), BGR 0..255; output logits (N, C).

    `features` are the convolutions, which a recipe may leave as they are.
    """

    features: nn.Sequential

    def forward(self, picture: Tensor) -> Tensor:
        """Return logits (N, C)."""
        return self.head(self.pooled(picture))

    @abstractmethod
    def pooled(self, picture: Tensor) -> Tensor:
        """Return what the convolutions see, (N, F)."""

    @abstractmethod
    def head(self, x: Tensor) -> Tensor:
        """Return logits (N, C) of what `pooled` returns."""
