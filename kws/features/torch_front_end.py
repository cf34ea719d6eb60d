"""The front-end in torch, on the same tables: for training, where gradients reach the PCEN parameters."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor, nn

from kws.config import PCEN_LIMITS, FrontEndConfig, PcenConfig
from kws.errors import AudioError
from kws.features.tables import front_end_tables, pcen_tables

# Frames smoothed by one matrix product; more would cost more arithmetic, fewer more calls.
_SMOOTHING_FRAMES = 32
# Frames whose spectra are in memory at once: on a CPU they stay in the cache, which is several times faster.
_BLOCK_FRAMES = 1024


class TorchFrontEnd(nn.Module):
    """Turn samples into feature frames; batched, differentiable, streaming through an explicit state.

    Parameters
    ----------
    config : FrontEndConfig
        The starting point; :meth:`to_config` returns it with the PCEN parameters as they were trained.

    Examples
    --------
    >>> features, state = TorchFrontEnd(FrontEndConfig())(torch.zeros(2, 16000))
    >>> features.shape
    torch.Size([2, 100, 40])
    """

    window: Tensor
    bands: Tensor

    def __init__(self, config: FrontEndConfig) -> None:
        super().__init__()
        self.config = config
        tables = front_end_tables(config)
        # The configuration brings the tables back; a checkpoint need not hold them.
        self.register_buffer("window", torch.tensor(tables.window), persistent=False)
        self.register_buffer("bands", torch.tensor(tables.bands), persistent=False)
        self.pcen = Pcen(config) if config.compression == "pcen" else None

    def forward(self, samples: Tensor, state: list[Tensor] | None = None) -> tuple[Tensor, list[Tensor]]:
        """Return the frames that the samples complete.

        Parameters
        ----------
        samples : Tensor, shape (B, N)
            Full scale 1.0; N may be 0.
        state : list of Tensor, optional
            What the last call returned; None stands for silence.

        Returns
        -------
        features : Tensor of float32, shape (B, T, F)
        state : list of Tensor
            Samples that later frames need, ``(B, S)``; for PCEN also the smoothed energies, ``(B, F)``.

        Raises
        ------
        AudioError
            If `samples` are not ``(B, N)``, or the state is of another batch or compression.
        """
        self._check(samples, state)
        pending = self._silence(samples) if state is None else state[0]
        joined = torch.cat((pending, samples.float()), dim=1)
        energies = self._energies(joined)
        features, new_state = self.compress(energies, None if state is None else state[1:])
        return features, [joined[:, energies.shape[1] * self.config.hop_samples :], *new_state]

    def band_energies(self, samples: Tensor) -> Tensor:
        """Return the energies ``(B, T, F)`` of ``(B, N)`` samples heard after silence, before compression."""
        self._check(samples, None)
        return self._energies(torch.cat((self._silence(samples), samples.float()), dim=1))

    def compress(self, energies: Tensor, state: list[Tensor] | None = None) -> tuple[Tensor, list[Tensor]]:
        """Turn energies into features.

        Parameters
        ----------
        energies : Tensor, shape (B, T, F)
        state : list of Tensor, optional
            For PCEN the smoothed energies ``(B, F)`` up to here, for log an empty list; None is silence.

        Returns
        -------
        features : Tensor of float32, shape (B, T, F)
        state : list of Tensor
        """
        with torch.autocast(energies.device.type, enabled=False):
            if self.pcen is None:
                # ln(E + floor) - ln(floor), in the form that is exactly zero in silence.
                return torch.log(energies.float() / self.config.floor + 1.0), []
            features, smoothed = self.pcen(energies.float(), state[0] if state else None)
            return features, [smoothed]

    def to_config(self) -> FrontEndConfig:
        """Return the settings, PCEN parameters with their trained value for each band."""
        if self.pcen is None:
            return self.config
        return dataclasses.replace(self.config, pcen=self.pcen.to_config(self.config.pcen.eps))

    def _silence(self, samples: Tensor) -> Tensor:
        overlap_samples = self.config.window_samples - self.config.hop_samples
        return torch.zeros(samples.shape[0], overlap_samples, dtype=torch.float32, device=samples.device)

    def _energies(self, joined: Tensor) -> Tensor:
        config = self.config
        n_frames = max(0, (joined.shape[1] - config.window_samples) // config.hop_samples + 1)
        if joined.shape[0] == 0 or n_frames == 0:
            return joined.new_zeros(joined.shape[0], n_frames, config.n_bands)
        # Half precision is too coarse for the parity gate, and there is no FFT in it.
        with torch.autocast(joined.device.type, enabled=False):
            frames = joined.unfold(1, config.window_samples, config.hop_samples)  # (B, T, W)
            if joined.device.type != "cpu":
                return self._block_energies(frames)
            n_rows = max(1, _BLOCK_FRAMES // n_frames)
            rows = [
                torch.cat([self._block_energies(block) for block in group.split(_BLOCK_FRAMES, dim=1)], dim=1)
                for group in frames.split(n_rows)
            ]
            return torch.cat(rows)

    def _block_energies(self, frames: Tensor) -> Tensor:
        spectrum = torch.fft.rfft(frames * self.window, n=self.config.n_fft)  # (B, T, bins)
        return spectrum.real.square().addcmul_(spectrum.imag, spectrum.imag) @ self.bands

    def _check(self, samples: Tensor, state: list[Tensor] | None) -> None:
        if samples.ndim != 2 or not samples.is_floating_point():
            raise AudioError(
                f"samples are {samples.dtype} of shape {tuple(samples.shape)}; accepted are float32 of shape (B, N)"
            )
        n_states = 1 if self.pcen is None else 2
        if state is not None and [s.shape[0] for s in state] != [samples.shape[0]] * n_states:
            shapes = [tuple(s.shape) for s in state]
            raise AudioError(f"state has shapes {shapes}; accepted are {n_states} tensors of batch {samples.shape[0]}")


class Pcen(nn.Module):
    """Trainable per-channel energy normalisation ``(E / (eps + M)^alpha + delta)^root - delta^root``.

    Each parameter is trained per band as its distance from the start, 0 at first, so the initial values are
    exact: in log for ``delta``, in log odds for ``alpha``, ``root`` and ``smoothing``, which stay between 0
    and 1. Values that start at a limit (a ``delta`` of 0, an ``alpha`` of 1) stay there.

    Parameters
    ----------
    config : FrontEndConfig

    References
    ----------
    Wang et al., "Trainable Frontend For Robust and Far-Field Keyword Spotting", ICASSP 2017.
    """

    def __init__(self, config: FrontEndConfig) -> None:
        super().__init__()
        self.eps = config.pcen.eps
        for name, start in pcen_tables(config).items():
            # Saved with the distance: together they are the value, whatever settings a checkpoint meets.
            self.register_buffer(f"{name}_start", torch.tensor(start))
            self.register_parameter(f"{name}_distance", nn.Parameter(torch.zeros(config.n_bands)))

    def values(self) -> dict[str, Tensor]:
        """Return the parameters by name, each (F,) and within the range that the settings accept."""
        return {name: self._value(name) for name in PCEN_LIMITS}

    def to_config(self, eps: float) -> PcenConfig:
        """Return the present values as settings, one a band."""
        values = {name: value.detach().double().cpu() for name, value in self.values().items()}
        # float32 may round a limit outwards, such as 1e-4.
        limited = {name: value.clamp(*PCEN_LIMITS[name]).tolist() for name, value in values.items()}
        return PcenConfig(**{name: tuple(value) for name, value in limited.items()}, eps=eps)

    def forward(self, energies: Tensor, smoothed: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the features ``(B, T, F)`` of energies ``(B, T, F)``, and the new smoothed energies ``(B, F)``."""
        values = self.values()
        if smoothed is None:
            smoothed = energies.new_zeros(energies.shape[0], energies.shape[2])
        if energies.shape[1] == 0:
            return energies, smoothed
        mean = self._smooth(energies, smoothed, values["smoothing"])
        normalised = energies * (self.eps + mean).pow(-values["alpha"]) + values["delta"]
        features = _power(normalised, values["root"]) - _power(values["delta"], values["root"])
        return features, mean[:, -1]

    def _value(self, name: str) -> Tensor:
        start = getattr(self, f"{name}_start")
        # Beyond this the value is at its limit anyway, and exp would overflow.
        distance = getattr(self, f"{name}_distance").clamp(-20.0, 20.0)
        if name == "delta":
            value = start * distance.exp()
        else:
            # sigmoid(logit(start) + distance), written so that distance 0 gives start itself.
            value = start * distance.exp() / (1.0 + start * distance.expm1())
        low, high = PCEN_LIMITS[name]
        return value.clamp(low, high)

    def _smooth(self, energies: Tensor, smoothed: Tensor, smoothing: Tensor) -> Tensor:
        # M[t] = (1 - s) M[t-1] + s E[t], unrolled over a block: one product instead of a loop over frames.
        n_frames = min(_SMOOTHING_FRAMES, energies.shape[1])
        frame = torch.arange(n_frames, device=energies.device)
        age = frame[:, None] - frame  # (t, k): frames from k to t
        keep = (1.0 - smoothing)[:, None, None].pow(age.clamp_min(0))  # (F, t, k)
        weights = smoothing[:, None, None] * keep * (age >= 0)
        blocks = []
        for block in energies.split(_SMOOTHING_FRAMES, dim=1):
            length = block.shape[1]
            carried = smoothed[:, None] * ((1.0 - smoothing) * keep[:, :length, 0].T)  # (B, t, F)
            blocks.append(carried + torch.einsum("ftk,bkf->btf", weights[:, :length, :length], block))
            smoothed = blocks[-1][:, -1]
        return torch.cat(blocks, dim=1)


def _power(base: Tensor, exponent: Tensor) -> Tensor:
    # The slope of x^r at 0 is infinite; there the gradient is taken as 0, not as NaN.
    is_positive = base > 0.0
    return torch.where(is_positive, torch.where(is_positive, base, 1.0).pow(exponent), 0.0)
