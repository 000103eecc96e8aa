"""Which documents and conversations are held out."""

from typing import Self

from pydantic import Field, model_validator

from pipeline_config.base import IdentityConfig


class SplitConfig(IdentityConfig):
    """Shares of all documents (and of all conversations) that training never reads."""

    validation_share: float = Field(default=0.02, ge=0.0, le=0.5)
    """Share, 0 to 0.5, used during training to stop early and choose the best step."""
    test_share: float = Field(default=0.03, gt=0.0, le=0.5)
    """Share, above 0 to 0.5, used only by the frozen evaluation artifact."""
    salt: str = Field(default="chatmill-1", min_length=1)
    """Another salt draws another split. Never change it for a corpus whose champion is in use."""

    @model_validator(mode="after")
    def _leave_something_to_train_on(self) -> Self:
        if self.validation_share + self.test_share > 0.8:
            raise ValueError(
                f"validation_share={self.validation_share} and test_share={self.test_share} leave under a fifth "
                "of the text to train on; lower one of them"
            )
        return self
