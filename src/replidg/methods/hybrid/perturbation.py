"""The three perturbations of SCI-PD (arXiv 2404.09011), as functions of tensors.

Written from the formulas of the method's description; the official code (GPL) was not used. Which
symbol of the paper is which was inferred: alpha the exponent of the instance weights, tau the
temperature of the perturbed scores, beta the weight of the class perturbation.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def perturb_scores(scores: Tensor, labels: Tensor, tau: float) -> Tensor:
    """Score perturbation: pull the teacher's wrong rows towards the label.

    With m_i = max_c p_ic, a row whose argmax is not y_i becomes softmax((m_i onehot(y_i) + p_i) /
    tau), of probabilities, not of logits; other rows stay.

    Args:
        scores: the teacher's probabilities p (N, C).
        labels: y (N,).
        tau: temperature; the larger, the nearer the changed rows are to uniform.

    Returns:
        Targets q (N, C).
    """
    top = scores.max(dim=1)
    truth = F.one_hot(labels, scores.shape[1]).to(scores.dtype)
    pulled = F.softmax((top.values[:, None] * truth + scores) / tau, dim=1)
    return torch.where((top.indices != labels)[:, None], pulled, scores)


def instance_weights(scores: Tensor, alpha: float) -> Tensor:
    """Instance perturbation: w_i = (max_c p_ic)^-alpha (N,), of the unperturbed probabilities."""
    return scores.max(dim=1).values.pow(-alpha)


def weighted_mean(losses: Tensor, weights: Tensor) -> Tensor:
    """Return sum w_i l_i / sum w_i."""
    return (weights * losses).sum() / weights.sum()


def class_loss(texts: Tensor, weights: Tensor, twice: bool) -> Tensor:
    """Class perturbation: tie the similarities of text and classifier to those among the texts.

    S = cosines of texts (rows) with rows of the classifier (columns), G = cosines among texts:

        L = (A(S, G) + A(S^T, G^T)) / 2,  A(U, T) = -mean_i sum_j softmax(T)_ij log softmax(U)_ij.

    Args:
        texts: class embeddings (C, D), any length; constants.
        weights: rows of the last layer (C, D), any length; the gradient reaches them alone.
        twice: softmax before the log-softmax too (the public code); the loss then hardly moves.
    """
    unit = F.normalize(texts, dim=1)
    cross = unit @ F.normalize(weights, dim=1).T
    among = unit @ unit.T
    return (_aligned(cross, among, twice) + _aligned(cross.T, among.T, twice)) / 2


def _aligned(found: Tensor, wanted: Tensor, twice: bool) -> Tensor:
    logits = F.softmax(found, dim=1) if twice else found
    return F.cross_entropy(logits, F.softmax(wanted, dim=1))
