"""One training process: `python -m tasks.training.worker spec.json`, alone or as a rank under torchrun."""

from __future__ import annotations

import logging
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline_config.environment import launched_rank
from pipeline_config.training import FinetuneConfig, LaunchConfig, PretrainConfig
from tasks.contracts.artifacts import Scalar
from tasks.contracts.errors import BadInputError, DeviceError, EmptyInputError, PipelineError, TrainingError
from tasks.model.presets import SpecialIds, build_model, num_parameters, set_dropout
from tasks.model.tokenizer import END_OF_TEXT, END_OF_TURN, PAD, load_tokenizer, token_id, tokenizer_digest
from tasks.processes.child_logging import log_to_parent, write_output_to
from tasks.processes.guard import end_with_parent
from tasks.training.spec import Status, WorkerSpec, log_file, read_status, write_status

if TYPE_CHECKING:
    from transformers import GPT2LMHeadModel, PreTrainedTokenizerFast

    from tasks.training.checkpoints import Position
    from tasks.training.loop import Loop, Parts
    from tasks.training.rows import Source

logger = logging.getLogger(__name__)


def main() -> int:
    """Trains as the file named by the first argument says; what came of it stands in status.json."""
    spec = WorkerSpec.model_validate_json(Path(sys.argv[1]).read_text(encoding="utf-8"))
    rank = 0
    if spec.launch.num_processes > 1:
        end_with_parent(signal.SIGKILL)  # torchrun may be killed without a chance to end its ranks
        rank = launched_rank()
        write_output_to(log_file(spec.work, rank))
    stops: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stops.append(number))
    log_to_parent(logging.WARNING if rank else logging.INFO)  # what all ranks do, one tells
    try:
        train(spec, stops)
    except PipelineError as error:
        logger.error("%s", error)
        _tell_failure(spec.work, error)
        return 1
    except Exception as error:
        logger.exception("training failed")
        _tell_failure(spec.work, error)
        return 1
    return 0


def resolve_device(launch: LaunchConfig) -> str:
    """`cpu` or `cuda`.

    Raises:
        DeviceError: GPUs were asked for, and there are too few.
    """
    import torch

    count = torch.cuda.device_count() if launch.device != "cpu" else 0
    if count >= launch.num_processes:
        return "cuda"
    if launch.device == "cuda":
        raise DeviceError(
            f"device=cuda found {count} usable GPUs, expected {launch.num_processes} (one a process); set device "
            "to cpu, lower num_processes, or install a CUDA build of torch and its driver"
        )
    return "cpu"


def train(spec: WorkerSpec, stops: list[int]) -> None:
    """Trains as one of the processes, and tells in status.json what came of it.

    Args:
        spec: The run.
        stops: Non-empty once the process was asked to stop.

    Raises:
        TrainingError: There are not as many processes as asked for.
    """
    import torch
    from accelerate import Accelerator

    torch.set_num_threads(spec.launch.num_threads)
    device = resolve_device(spec.launch)
    accelerator = Accelerator(cpu=device == "cpu", mixed_precision=spec.launch.precision)
    if accelerator.num_processes != spec.launch.num_processes:
        raise TrainingError(
            f"training started with {accelerator.num_processes} processes, expected {spec.launch.num_processes}; "
            "start it through the flow, which uses torchrun for more than one"
        )
    is_main = accelerator.is_main_process
    loop, parts = _prepared(spec, accelerator, stops)
    logger.info(
        "training %s from step %d to %d, processes: %d, on %s",
        *(spec.name, loop.position.step, spec.config.num_steps, accelerator.num_processes, accelerator.device.type),
    )
    is_done = loop.run()
    if loop.position.is_over:
        logger.info("stopped early at step %d: %s", loop.position.step, _why_early(loop.position))
    if is_main and is_done:
        loop.state.restore_best(parts.model)
        parts.write_model(spec.folder)
        write_status(spec.work, Status(state="done", step=loop.position.step, totals=_totals(loop, parts)))
    elif is_main:
        logger.info("stopped as asked; step %d is saved", loop.position.step)
        write_status(spec.work, Status(state="stopped", step=loop.position.step))
    accelerator.end_training()


def _prepared(spec: WorkerSpec, accelerator: object, stops: list[int]) -> tuple[Loop, Parts]:
    """The loop where a step checkpoint left it, or at its beginning."""
    from accelerate import Accelerator

    from tasks.model.checkpoint import save_checkpoint_folder
    from tasks.training.checkpoints import Position, TrainerState, resume
    from tasks.training.loop import Loop, Parts
    from tasks.training.optimizer import build_optimizers
    from tasks.training.validation import token_num_bytes

    assert isinstance(accelerator, Accelerator)
    config = spec.config
    tokenizer = load_tokenizer(spec.tokenizer_folder)
    is_dialogue = isinstance(config, FinetuneConfig)
    special = SpecialIds(
        end_of_text=token_id(tokenizer, END_OF_TEXT),
        stop=token_id(tokenizer, END_OF_TURN if is_dialogue else END_OF_TEXT),
        pad=token_id(tokenizer, PAD),
    )
    model = _model(spec, tokenizer, special)
    sources, held_out = _sources(spec, model.config.n_positions)
    model.to(accelerator.device)
    optimizers = build_optimizers(model, config.optimizer, accelerator.process_index, accelerator.num_processes)
    state = TrainerState(optimizers)
    position = Position()
    if spec.resume_folder is not None:
        position = resume(spec.resume_folder, model, state, spec.work, is_main=accelerator.is_main_process)
        logger.info("resumed from the step checkpoint of step %d", position.step)

    def write_model(folder: Path) -> None:
        save_checkpoint_folder(folder, model, spec.tokenizer_folder, special, _card(spec, num_parameters(model)))

    parts = Parts(
        spec=spec,
        accelerator=accelerator,
        model=model,
        sources=sources,
        validation_sources=held_out,
        num_bytes=token_num_bytes(tokenizer),
        pad_id=special.pad,
        write_model=write_model,
        is_asked_to_stop=lambda: bool(stops),
    )
    return Loop(parts, position, state), parts


def _model(spec: WorkerSpec, tokenizer: PreTrainedTokenizerFast, special: SpecialIds) -> GPT2LMHeadModel:
    """The model that training begins with, in training mode.

    Raises:
        BadInputError: The weights to start from have another shape or vocabulary than asked for.
    """
    import torch

    from tasks.model.checkpoint import load_model
    from tasks.training.shuffle import seed_of

    config = spec.config
    torch.manual_seed(seed_of(config.seed, "weights") >> 1)
    if spec.init_folder is None:
        assert isinstance(config, PretrainConfig)  # fine-tuning always has a base
        return build_model(config.model, len(tokenizer), special).train()
    model = load_model(spec.init_folder)
    dropout = config.dropout if isinstance(config, FinetuneConfig) else config.model.dropout
    if dropout is not None:
        set_dropout(model, dropout)
    found = model.config
    if found.num_token_ids != len(tokenizer):
        raise BadInputError(
            f"the weights to start from have {found.num_token_ids} token ids, the tokenizer has {len(tokenizer)}; "
            "encode the text with the tokenizer of the checkpoint to start from"
        )
    if isinstance(config, PretrainConfig):
        wanted = config.model
        shape = (found.n_layer, found.n_head, found.n_embd, found.n_positions)
        if shape != (wanted.num_layers, wanted.num_heads, wanted.width, wanted.context_length):
            raise BadInputError(
                f"the weights to start from have (num_layers, num_heads, width, context_length) = {shape}, the "
                f"configuration asks for {wanted}; set model to that shape or start from nothing"
            )
    return model.train()


def _sources(spec: WorkerSpec, context_length: int) -> tuple[list[Source], list[Source]]:
    """Training and held-out sources; of the latter, those that hold nothing are left out.

    Raises:
        EmptyInputError: A training source, or all held-out ones together, hold nothing.
    """
    from tasks.training.rows import open_source

    is_packed = spec.config.is_packed if isinstance(spec.config, FinetuneConfig) else None
    digest = tokenizer_digest(spec.tokenizer_folder)

    def opened(name: str, paths: list[Path]) -> Source:
        return open_source(name, paths, context_length, is_packed=is_packed, seed=spec.config.seed, digest=digest)

    sources = [opened(name, paths) for name, paths in sorted(spec.train.items())]
    held_out = []
    for name, paths in sorted(spec.validation.items()):
        try:
            held_out.append(opened(name, paths))
        except EmptyInputError:
            logger.warning("source %r has no held-out text: it is trained on but not measured", name)
    if not held_out:
        raise EmptyInputError(
            f"none of the sources {sorted(spec.train)} has held-out text, expected some to choose the best step by; "
            "raise split.validation_share or add text"
        )
    return sources, held_out


def _why_early(position: Position) -> str:
    assert position.best is not None  # there was a measurement before the first step
    return f"none of the last {position.num_stale} measurements was better than step {position.best.step}"


def _totals(loop: Loop, parts: Parts) -> dict[str, Scalar]:
    position: Position = loop.position
    totals: dict[str, Scalar] = {
        "num_steps": position.step,
        "is_stopped_early": position.is_over,
        "tokens_seen": position.tokens_seen,
        "train_s": round(position.seconds, 1),
        "tokens_per_s": round(position.tokens_seen / max(position.seconds, 1e-9), 1),
        "num_parameters": num_parameters(parts.model),
        "world_size": parts.accelerator.num_processes,
    }
    assert position.best is not None  # there was a measurement before the first step
    totals["best_step"] = position.best.step
    for name in ("first", "last", "best"):
        found = getattr(position, name)
        totals |= {f"{name}_validation_nats": found.loss_nats, f"{name}_bits_per_byte": found.bits_per_byte}
    return totals | {f"epochs_{name}": round(count, 3) for name, count in loop.epochs().items()}


def _card(spec: WorkerSpec, size: int) -> str:
    kind = "dialogue" if isinstance(spec.config, FinetuneConfig) else "base"
    sources = ", ".join(sorted(spec.train))
    return (
        "---\nlibrary_name: transformers\npipeline_tag: text-generation\n---\n\n"
        f"# {spec.name}\n\nA GPT-2-form {kind} model of {size:,} parameters, trained by chatmill on: {sources}.\n\n"
        "These are the weights of the step with the lowest loss on held-out text. Licences of the texts are those of "
        "their sources; the model repeats what stands in them, errors and insults included.\n"
    )


def _tell_failure(work: Path, error: Exception) -> None:
    """Writes the first failure of any process."""
    found = read_status(work)
    if found is None or found.state != "failed":
        name = type(error).__name__ if isinstance(error, PipelineError) else ""
        write_status(work, Status(state="failed", error_type=name, error=str(error) or type(error).__name__))


if __name__ == "__main__":
    sys.exit(main())
