"""The JSON that goes over the wire and out of `--json`: the contract, field by field."""

from service.schemas.asking import AskRequest as AskRequest
from service.schemas.asking import AskResponse as AskResponse
from service.schemas.asking import HitOut as HitOut
from service.schemas.asking import Interpreted as Interpreted
from service.schemas.asking import Reason as Reason
from service.schemas.asking import Scores as Scores
from service.schemas.asking import SearchedOut as SearchedOut
from service.schemas.asking import SearchRequest as SearchRequest
from service.schemas.asking import SearchResponse as SearchResponse
from service.schemas.checking import ReceiptResponse as ReceiptResponse
from service.schemas.checking import VerifyRequest as VerifyRequest
from service.schemas.checking import VerifyResponse as VerifyResponse
from service.schemas.documents import DocumentsResponse as DocumentsResponse
from service.schemas.documents import PageResponse as PageResponse
from service.schemas.documents import RemovalOut as RemovalOut
from service.schemas.documents import StatusResponse as StatusResponse
from service.schemas.keeping import DeletionResponse as DeletionResponse
from service.schemas.keeping import JobResponse as JobResponse
from service.schemas.keeping import JobsResponse as JobsResponse
from service.schemas.keeping import ProgressOut as ProgressOut
from service.schemas.keeping import UploadedOut as UploadedOut
from service.schemas.keeping import UploadResponse as UploadResponse
from service.schemas.problems import Problem as Problem
