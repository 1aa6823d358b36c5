"""Finds and reads the configuration: a YAML file, or the environment when there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from imagegate.settings.document import Document
from imagegate.settings.environment import ProviderFromEnvironment, put_data_folder, settings_from_environment
from imagegate.settings.model import Settings
from imagegate.settings.semantics import AdapterFacts
from imagegate.settings.validation import settle
from imagegate.settings.yamlfile import read_document

FILE_NAME = "imagegate.yaml"
FILE_VARIABLE = "IMAGEGATE_CONFIG"


def find_config(explicit: Path | None, environ: Mapping[str, str], cwd: Path) -> Path | None:
    """The file to read: ``--config``, ``IMAGEGATE_CONFIG``, or ``imagegate.yaml`` in ``cwd`` when it is there; else None.

    A file that was asked for is returned even when it does not exist, so that reading it says so.
    """
    if explicit is not None:
        return explicit
    if environ.get(FILE_VARIABLE):
        return Path(environ[FILE_VARIABLE])
    here = cwd / FILE_NAME
    return here if here.exists() else None


def load_settings(path: Path | None, environ: Mapping[str, str], adapters: Mapping[str, AdapterFacts] | None = None) -> Settings:
    """The settings of a file (defaults when None), with references and ``IMAGEGATE__…`` overrides applied.

    With ``adapters``, fields are also checked against each other. Raises ConfigError with everything that is wrong. It
    reads files: call it before the event loop starts, or in a thread.
    """
    document = Document("defaults") if path is None else read_document(path)
    return settle(document, environ, adapters)


def read_settings(
    path: Path | None,
    environ: Mapping[str, str],
    adapters: Mapping[str, AdapterFacts],
    providers: Sequence[ProviderFromEnvironment],
) -> Settings:
    """Checked settings from the file, or from the environment when ``path`` is None. Raises ConfigError."""
    if path is None:
        return settings_from_environment(environ, providers, adapters)
    document = read_document(path)
    put_data_folder(document, environ)
    return settle(document, environ, adapters)
