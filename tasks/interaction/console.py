"""A conversation on a terminal: what is typed comes in as lines, what is said goes out in pieces."""

import json
from collections.abc import Callable
from pathlib import Path

from tasks.contracts.errors import PipelineError
from tasks.interaction.session import ChatSession

_HELP = """Type a message and Enter. The model's reply appears as it is written; Ctrl-C ends the reply.
  /reset  forget the conversation
  /help   this text
  /quit   leave (so does Ctrl-D)
"""


def chat(
    session: ChatSession,
    read_line: Callable[[str], str],
    write: Callable[[str], None],
    log_file: Path | None = None,
    model_version: str = "",
) -> None:
    """Talks until the user leaves.

    Args:
        session: Who answers.
        read_line: Shows its argument and returns a line, as `input` does: EOFError at the end (Ctrl-D),
            KeyboardInterrupt for Ctrl-C.
        write: Shows a piece of text at once.
        log_file: Gains a JSON line for each exchange; None keeps no log.
        model_version: Named in the log, e.g. `dialogue/3`.
    """
    write(_HELP)
    while True:
        try:
            line = read_line("you> ").strip()
        except EOFError:
            write("\n")
            return
        except KeyboardInterrupt:
            write("\n(/quit or Ctrl-D leaves)\n")
            continue
        if line == "/quit":
            return
        if line == "/reset":
            session.reset()
            write("(the conversation is forgotten)\n")
        elif line.startswith("/"):
            write(_HELP)
        elif line:
            before = session.history
            _answer(session, line, write)
            if log_file is not None and session.history is not before:
                _log(log_file, model_version, session)


def _answer(session: ChatSession, line: str, write: Callable[[str], None]) -> None:
    write("bot> ")
    pieces = session.reply(line)
    try:
        for piece in pieces:
            write(piece)
    except KeyboardInterrupt:
        write(" …")
    except PipelineError as error:
        write(f"({error})")
    finally:
        pieces.close()
    write("\n")


def _log(log_file: Path, model_version: str, session: ChatSession) -> None:
    exchange = [message.model_dump() for message in session.history[-2:]]
    log_file.parent.mkdir(parents=True, exist_ok=True)
    with log_file.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"model_version": model_version, "messages": exchange}, ensure_ascii=False) + "\n")
