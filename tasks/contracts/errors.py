"""One exception a cause. Every message says what was found, what was expected and what to do."""


class PipelineError(Exception):
    """Anything that a user or the data can cause; the command line prints it without a traceback, exit code 2."""


class MissingArtifactError(PipelineError):
    """An artifact that was asked for has no manifest in this store."""


class CorruptArtifactError(PipelineError):
    """A stored file is missing, truncated or altered."""


class SchemaVersionError(PipelineError):
    """A manifest was written by another version of the storage format."""


class RefConflictError(PipelineError):
    """A mutable name was changed by somebody else between reading and writing it."""


class StorageFullError(PipelineError):
    """The disk under the store is full. What was finished before stays as it was."""


class EmptyInputError(PipelineError):
    """A stage was given nothing it could work on."""


class BadInputError(PipelineError):
    """A file from outside cannot be read as what it should be."""


class BusyError(PipelineError):
    """Another process is at the very work that was asked for."""


class CrawlError(PipelineError):
    """The crawling process ended without an answer."""


class TrainingError(PipelineError):
    """Training stopped before it was done."""


class DeviceError(PipelineError):
    """The device that was asked for is not on this machine."""


class RegistryError(PipelineError):
    """The model registry does not hold what was asked for."""


class ComparisonError(PipelineError):
    """Two models were not measured on the same evaluation artifact, or not on the same examples of it."""


class ServerError(PipelineError):
    """Prefect's server did not start, or did not take what it was sent."""
