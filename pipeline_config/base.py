"""The two kinds of configuration every stage has: what changes its result, and what changes its speed or place."""

from pydantic import BaseModel, ConfigDict


class IdentityConfig(BaseModel):
    """Settings that change a stage's result. They enter its key: another value is another artifact."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, validate_default=True)


class ExecutionConfig(BaseModel):
    """Settings that change only speed or place. They never enter a key."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, validate_default=True)
