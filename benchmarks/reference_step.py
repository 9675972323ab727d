"""Training as the paper's loop does it (arXiv:2011.14660), written plainly: what ours is held to.

One image after the other is cropped, flipped and normalised by torchvision's transforms on Pillow
images; one network after the other runs, eagerly and in NCHW; the loss is written as the paper's
formulas; plain SGD decays every parameter; the numbers of every step are fetched by ``.item()``.
Shapes: S networks, B batch, C classes.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms
from torchvision.transforms.functional import to_pil_image

from cotrain.data import Images
from cotrain.ensemble.preprocessing import Preprocessing


class ReferenceStep:
    """A call trains one step.

    Args:
        networks: S networks, on their device.
        lr: Learning rate; ``weight_decay`` is that of every parameter.
        half: Run the networks in float16, with a scaled loss (GPU).
    """

    def __init__(
        self,
        networks: Sequence[nn.Module],
        *,
        lr: float,
        weight_decay: float,
        half: bool = False,
    ) -> None:
        self.networks = networks
        parameters = [parameter for network in networks for parameter in network.parameters()]
        self.device = parameters[0].device
        self.half = half
        self.optimizer = torch.optim.SGD(
            parameters, lr=lr, momentum=0.9, weight_decay=weight_decay, nesterov=True
        )
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=half)

    def __call__(self, views: Tensor, targets: Tensor, *, weight: float) -> dict[str, float]:
        """Train on views [S, B, C, H, W] and classes [B]; what a log line says of the step."""
        views, targets = views.to(self.device), targets.to(self.device)
        with torch.autocast(self.device.type, torch.float16, enabled=self.half):
            logits = [network(view) for network, view in zip(self.networks, views, strict=True)]
        cross_entropy = torch.stack([F.cross_entropy(each.float(), targets) for each in logits])
        divergence = jensen_shannon([each.float() for each in logits])
        loss = cross_entropy.sum() + weight * divergence
        self.optimizer.zero_grad()
        self.scaler.scale(loss).backward()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        right = [(each.argmax(1) == targets).float().mean() for each in [sum(logits), *logits]]
        return {
            "loss": loss.item(),
            "cross_entropy": cross_entropy.sum().item(),
            "divergence": divergence.item(),
            "accuracy": right[0].item(),
            **{f"accuracy_{index}": each.item() for index, each in enumerate(right[1:])},
        }


def jensen_shannon(logits: Sequence[Tensor]) -> Tensor:
    """H(mean_i p_i) - mean_i H(p_i), mean over the batch, of S logits [B, C]."""
    probabilities = [each.softmax(1) for each in logits]
    mean = sum(probabilities[1:], probabilities[0]) / len(probabilities)
    return _entropy(mean) - torch.stack([_entropy(each) for each in probabilities]).mean()


def _entropy(probabilities: Tensor) -> Tensor:
    return -(probabilities * probabilities.clamp_min(1e-30).log()).sum(1).mean()


class ReferenceImages(Dataset):
    """Images with S views each: [S, C, H, W] and a class.

    Args:
        images: The same images as ours, decoded.
        preprocessing: Size, mean and standard deviation.
        into: S.
        padding: Pixels of padding on each side before a random crop; half are flipped.
    """

    def __init__(
        self, images: Images, preprocessing: Preprocessing, into: int, padding: int
    ) -> None:
        size = preprocessing.image_size
        self.images = [to_pil_image(images.pixels([index])[0]) for index in range(len(images))]
        self.targets = images.targets
        self.into = into
        self.transform = transforms.Compose(
            [
                transforms.RandomCrop(size, padding=padding),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize(preprocessing.mean, preprocessing.std),
            ]
        )

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        views = [self.transform(self.images[index]) for _ in range(self.into)]
        return torch.stack(views), self.targets[index]


def reference_loader(images: ReferenceImages, batch_size: int, workers: int) -> DataLoader:
    """Shuffled batches of views [B, S, C, H, W] and classes [B], the last whole one included."""
    return DataLoader(
        images,
        batch_size=batch_size,
        shuffle=True,
        drop_last=True,
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=torch.cuda.is_available(),
    )
