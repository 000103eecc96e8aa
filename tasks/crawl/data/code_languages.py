"""Programming languages by the names of files."""

from pathlib import PurePosixPath

from pipeline_config.data_source import ProgrammingLanguage

_BY_ENDING: dict[str, ProgrammingLanguage] = {
    ".bash": "bash",
    ".c": "c",
    ".cc": "c++",
    ".clj": "clojure",
    ".cljs": "clojure",
    ".cpp": "c++",
    ".cs": "c#",
    ".css": "css",
    ".cxx": "c++",
    ".dart": "dart",
    ".erl": "erlang",
    ".ex": "elixir",
    ".exs": "elixir",
    ".f90": "fortran",
    ".go": "go",
    ".h": "c",
    ".hh": "c++",
    ".hpp": "c++",
    ".hs": "haskell",
    ".htm": "html",
    ".html": "html",
    ".hxx": "c++",
    ".java": "java",
    ".jl": "julia",
    ".js": "javascript",
    ".jsx": "javascript",
    ".kt": "kotlin",
    ".kts": "kotlin",
    ".lua": "lua",
    ".md": "markdown",
    ".mjs": "javascript",
    ".mk": "makefile",
    ".ml": "ocaml",
    ".mli": "ocaml",
    ".php": "php",
    ".pl": "perl",
    ".pm": "perl",
    ".ps1": "powershell",
    ".py": "python",
    ".pyi": "python",
    ".r": "r",
    ".rb": "ruby",
    ".rs": "rust",
    ".sass": "css",
    ".scala": "scala",
    ".scss": "css",
    ".sh": "bash",
    ".sql": "sql",
    ".swift": "swift",
    ".toml": "toml",
    ".ts": "typescript",
    ".tsx": "typescript",
    ".yaml": "yaml",
    ".yml": "yaml",
    ".zig": "zig",
}
_BY_NAME: dict[str, ProgrammingLanguage] = {
    "dockerfile": "dockerfile",
    "gemfile": "ruby",
    "gnumakefile": "makefile",
    "makefile": "makefile",
    "rakefile": "ruby",
}


def language_of(name: str) -> ProgrammingLanguage | None:
    """The language that a file's name tells; None where it tells none."""
    path = PurePosixPath(name.lower())
    return _BY_NAME.get(path.name) or _BY_ENDING.get(path.suffix)
