"""The budget of a plan: a number of identities, and of images of each."""

from dataclasses import dataclass

from gprplus.core.errors import PlanError
from gprplus.engine.plans.plan_cells import LAST_IDENTITY

IMAGES_EACH = 20  # of an identity, where a budget is one number
FEWEST = 2  # identities, and images of each: fewer make no training set


@dataclass(frozen=True)
class RenderBudget:
    """Number of identities, and of images of each of them."""

    identities: int
    images: int

    def __post_init__(self) -> None:
        if self.identities < FEWEST or self.images < FEWEST:
            raise PlanError(
                f"A budget has at least {FEWEST} identities with {FEWEST} images each; found"
                f" {self.identities} x {self.images}."
            )
        if self.identities > LAST_IDENTITY:
            raise PlanError(
                f"A budget has at most {LAST_IDENTITY:,} identities; found {self.identities:,}."
                " Give each of them more images, such as --budget 2000x50."
            )

    @classmethod
    def parse(cls, text: str) -> "RenderBudget":
        """Parse '40x20', 40 identities with 20 images each, or '800', the number of images, of
        which an identity gets 20. Raises PlanError.

        >>> RenderBudget.parse("40x20"), RenderBudget.parse("810")
        (RenderBudget(identities=40, images=20), RenderBudget(identities=40, images=20))
        """
        identities, times, images = text.strip().lower().partition("x")
        if not (identities.isdecimal() and (images.isdecimal() if times else not images)):
            raise PlanError(
                "A budget is a number of images, such as 800, or IDENTITIESxIMAGES, such as 40x20;"
                f" found '{text[:40]}'."
            )
        if times:
            return cls(int(identities), int(images))
        total = int(identities)
        each = min(IMAGES_EACH, total // FEWEST)
        return cls(total // max(each, 1), each)

    @property
    def total(self) -> int:
        """Images in all."""
        return self.identities * self.images

    def __str__(self) -> str:
        return f"{self.identities}x{self.images}"
