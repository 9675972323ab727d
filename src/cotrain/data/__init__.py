"""Images: from files and data sets to training, validation and test batches."""

from cotrain.data.batches import DrawnBatch, TrainingBatches
from cotrain.data.decoding import UnreadableImageError
from cotrain.data.epoch_order import EpochSampler, Share
from cotrain.data.images import FileImages, Images, TensorImages, read_image
from cotrain.data.loaders import evaluation_loader, ordered_loader, training_loader
from cotrain.data.opening import load_part, load_splits, load_test
from cotrain.data.split_record import SplitRecord, read_record
from cotrain.data.splits import Splits
from cotrain.data.user_data import UserData
from cotrain.data.views.mixing import Batch

__all__ = [
    "Batch",
    "DrawnBatch",
    "EpochSampler",
    "FileImages",
    "Images",
    "Share",
    "SplitRecord",
    "Splits",
    "TensorImages",
    "TrainingBatches",
    "UnreadableImageError",
    "UserData",
    "evaluation_loader",
    "load_part",
    "load_splits",
    "load_test",
    "ordered_loader",
    "read_image",
    "read_record",
    "training_loader",
]
