"""A real disk of a few MiB, which a test can fill up."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SmallDisk:
    """Mounted on a folder."""

    folder: Path

    def resize(self, size_mib: int) -> None:
        subprocess.run(["mount", "-o", f"remount,size={size_mib}m", self.folder], check=True)

    def leave(self, size_bytes: int) -> None:
        """Fills it up but for so many bytes."""
        self.free()
        size_bytes = shutil.disk_usage(self.folder).free - size_bytes
        with self._ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, size_bytes)

    def free(self) -> None:
        self._ballast.unlink(missing_ok=True)

    @property
    def _ballast(self) -> Path:
        return self.folder / "ballast"
