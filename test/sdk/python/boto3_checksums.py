"""Every form of upload that boto3 has, read back in every way.

Run by TestBoto3 with the endpoint and the credential in the environment. A
failed assertion ends it.
"""

import base64
import binascii
import hashlib
import io
import os
import tempfile
import urllib.error
import urllib.request

import awscrt.checksums
import boto3
import botocore.httpchecksum
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

MIB = 1 << 20
PART = 5 * MIB
BUCKET = "boto"
BODY = b"the quick brown fox"


def big_endian(width, crc):
    return lambda data: crc(data).to_bytes(width, "big")


# The algorithms that can be computed on this side.
DIGESTS = {
    "CRC32": big_endian(4, binascii.crc32),
    "CRC32C": big_endian(4, awscrt.checksums.crc32c),
    "CRC64NVME": big_endian(8, awscrt.checksums.crc64nvme),
    "SHA1": lambda data: hashlib.sha1(data).digest(),
    "SHA256": lambda data: hashlib.sha256(data).digest(),
    "SHA512": lambda data: hashlib.sha512(data).digest(),
    "XXHASH64": awscrt.checksums.XXHash.compute_xxhash64,
    "XXHASH3": awscrt.checksums.XXHash.compute_xxhash3_64,
    "XXHASH128": awscrt.checksums.XXHash.compute_xxhash3_128,
    "MD5": lambda data: hashlib.md5(data).digest(),
}
# Those of them that boto3 computes when it is told a name. A value can always be
# given to it.
BY_NAME = tuple(n for n in DIGESTS if n.lower() in botocore.httpchecksum._CHECKSUM_CLS)
FULL_OBJECT = ("CRC32", "CRC32C", "CRC64NVME")


def text(digest):
    return base64.b64encode(digest).decode()


def noise(size):
    """size bytes without repetition, the same in every run."""
    return hashlib.shake_128(size.to_bytes(8, "big")).digest(size)


def client(**config):
    config = {"signature_version": "s3v4", "retries": {"max_attempts": 1}, "s3": {"addressing_style": "path"}, **config}
    return boto3.client("s3", endpoint_url=os.environ["ENDPOINT"], region_name="us-east-1", config=Config(**config))


s3 = client()


def sent(name, body):
    """The arguments by which a body comes with its checksum."""
    if name in BY_NAME:
        return {"ChecksumAlgorithm": name}
    return {"Checksum" + name: text(DIGESTS[name](body))}


def code(call, **arguments):
    """The error code that a call is refused with."""
    try:
        call(**arguments)
    except ClientError as e:
        return e.response["Error"]["Code"]
    return "nothing"


def equal(got, want, what):
    if got != want:
        raise AssertionError(f"{what}: {got!r:.200}, want {want!r:.200}")


def same(key, want, **arguments):
    """Reads an object; boto3 verifies its checksum."""
    got = s3.get_object(Bucket=BUCKET, Key=key, **arguments)
    equal(got["Body"].read(), want, key)
    return got


def checksum_of(key):
    head = s3.head_object(Bucket=BUCKET, Key=key, ChecksumMode="ENABLED")
    return {k.removeprefix("Checksum"): v for k, v in head.items() if k.startswith("Checksum")}


def put_whole():
    for name, digest in DIGESTS.items():
        want = text(digest(BODY))
        put = s3.put_object(Bucket=BUCKET, Key=name, Body=BODY, **sent(name, BODY))
        equal(put["Checksum" + name], want, "put " + name)
        equal(checksum_of(name), {name: want, "Type": "FULL_OBJECT"}, "head " + name)
        same(name, BODY, ChecksumMode="ENABLED")
        # A range is not the object: boto3 would find a checksum to be wrong.
        same(name, BODY[4:9], Range="bytes=4-8", ChecksumMode="ENABLED")
        s3.put_object(Bucket=BUCKET, Key=name, Body=BODY, **{"Checksum" + name: want})
        wrong = text(digest(b"other"))
        equal(code(s3.put_object, Bucket=BUCKET, Key="no", Body=BODY, **{"Checksum" + name: wrong}), "BadDigest", "wrong " + name)
    equal(code(s3.head_object, Bucket=BUCKET, Key="no"), "404", "refused object")
    s3.put_object(Bucket=BUCKET, Key="default", Body=BODY)
    same("default", BODY)
    # A client that sends no checksum: S3's default.
    client(request_checksum_calculation="when_required").put_object(Bucket=BUCKET, Key="without", Body=BODY)
    equal(checksum_of("without"), {"CRC64NVME": text(DIGESTS["CRC64NVME"](BODY)), "Type": "FULL_OBJECT"}, "without")
    for size in (0, 1, 70_000, 3 * MIB):
        s3.upload_fileobj(io.BytesIO(noise(size)), BUCKET, "sized")
        same("sized", noise(size))
    equal(code(s3.put_object, Bucket=BUCKET, Key="default", Body=b"x", IfNoneMatch="*"), "PreconditionFailed", "if-none-match")
    got = s3.get_object(Bucket=BUCKET, Key="default", ResponseContentType="text/x", ResponseCacheControl="no-store")
    equal((got["ContentType"], got["CacheControl"]), ("text/x", "no-store"), "overridden headers")


class Unseekable(io.RawIOBase):
    def __init__(self, data):
        self.inner = io.BytesIO(data)

    def readable(self):
        return True

    def readinto(self, buffer):
        return self.inner.readinto(buffer)


def managed_transfers():
    config = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART, max_concurrency=3)
    data = noise(2 * PART + 12_345)
    with tempfile.TemporaryDirectory() as folder:
        path, back = os.path.join(folder, "up"), os.path.join(folder, "down")
        with open(path, "wb") as f:
            f.write(data)
        for extra in [{}] + [{"ChecksumAlgorithm": a} for a in BY_NAME] + [{"ChecksumAlgorithm": "CRC32", "ChecksumType": "FULL_OBJECT"}]:
            s3.upload_file(path, BUCKET, "managed", ExtraArgs={"Metadata": {"Color": "red"}, **extra}, Config=config)
            head = s3.head_object(Bucket=BUCKET, Key="managed")
            equal((head["ETag"][-3:], head["Metadata"]), ('-3"', {"color": "red"}), f"managed {extra}")
            algorithm = extra.get("ChecksumAlgorithm", "CRC32")
            if "ChecksumType" in extra or algorithm == "CRC64NVME":
                equal(checksum_of("managed"), {algorithm: text(DIGESTS[algorithm](data)), "Type": "FULL_OBJECT"}, f"managed {extra}")
            s3.download_file(BUCKET, "managed", back, Config=config)
            with open(back, "rb") as f:
                equal(f.read(), data, f"managed {extra}, back")
    s3.upload_fileobj(Unseekable(data), BUCKET, "stream", Config=config)
    same("stream", data)
    # Copies in parts, with UploadPartCopy.
    s3.copy({"Bucket": BUCKET, "Key": "stream"}, BUCKET, "copied", Config=config)
    same("copied", data)
    s3.copy({"Bucket": BUCKET, "Key": "stream"}, BUCKET, "copied", ExtraArgs={"ChecksumAlgorithm": "SHA256"}, Config=config)
    same("copied", data)


def parts_by_hand():
    bodies = [noise(PART), noise(PART + 1), b"end"]
    whole = b"".join(bodies)
    for name, digest in DIGESTS.items():
        for kind in ("COMPOSITE", "FULL_OBJECT"):
            allowed = name in FULL_OBJECT if kind == "FULL_OBJECT" else name != "CRC64NVME"
            begin = {"Bucket": BUCKET, "Key": "parts", "ChecksumAlgorithm": name, "ChecksumType": kind}
            if not allowed:
                equal(code(s3.create_multipart_upload, **begin), "InvalidRequest", f"{name} {kind}")
                continue
            created = s3.create_multipart_upload(**begin)
            equal((created["ChecksumAlgorithm"], created["ChecksumType"]), (name, kind), "created")
            upload = {"Bucket": BUCKET, "Key": "parts", "UploadId": created["UploadId"]}
            parts = []
            for i, body in enumerate(bodies, 1):
                part = s3.upload_part(**upload, PartNumber=i, Body=body, **sent(name, body))
                equal(part["Checksum" + name], text(digest(body)), f"{name} part")
                parts.append({"PartNumber": i, "ETag": part["ETag"], "Checksum" + name: part["Checksum" + name]})
            listed = s3.list_parts(**upload)
            equal([p["Checksum" + name] for p in listed["Parts"]], [p["Checksum" + name] for p in parts], "listed parts")
            equal((listed["ChecksumAlgorithm"], listed["ChecksumType"]), (name, kind), "listed")
            want = text(digest(whole))
            if kind == "COMPOSITE":
                want = text(digest(b"".join(digest(b) for b in bodies))) + "-3"
            complete = {**upload, "ChecksumType": kind, "MpuObjectSize": len(whole)}
            bad = [dict(p) for p in parts]
            bad[1]["Checksum" + name] = bad[0]["Checksum" + name]
            equal(code(s3.complete_multipart_upload, **complete, MultipartUpload={"Parts": bad}), "InvalidPart", "wrong part")
            equal(code(s3.complete_multipart_upload, **complete, MultipartUpload={"Parts": parts}, **{"Checksum" + name: text(digest(b"x"))}), "BadDigest", "wrong object")
            done = s3.complete_multipart_upload(**complete, MultipartUpload={"Parts": parts}, **{"Checksum" + name: want})
            equal((done["Checksum" + name], done["ChecksumType"]), (want, kind), f"completed {name} {kind}")
            equal(checksum_of("parts"), {name: want, "Type": kind}, f"head {name} {kind}")
            same("parts", whole, ChecksumMode="ENABLED")
            second = same("parts", bodies[1], PartNumber=2, ChecksumMode="ENABLED")
            equal((second["PartsCount"], second["Checksum" + name]), (3, text(digest(bodies[1]))), "second part")
            seen = s3.get_object_attributes(Bucket=BUCKET, Key="parts", ObjectAttributes=["ETag", "Checksum", "ObjectParts", "ObjectSize", "StorageClass"], MaxParts=2)
            equal((seen["ObjectSize"], seen["Checksum"]["Checksum" + name], seen["ObjectParts"]["TotalPartsCount"]), (len(whole), want.removesuffix("-3"), 3), "attributes")
            equal((len(seen["ObjectParts"]["Parts"]), seen["ObjectParts"]["IsTruncated"]), (2, True), "page of parts")
            s3.copy_object(Bucket=BUCKET, Key="copy", CopySource={"Bucket": BUCKET, "Key": "parts"})
            equal(checksum_of("copy"), {name: text(digest(whole)), "Type": "FULL_OBJECT"}, f"copy of {name} {kind}")
            again = s3.copy_object(Bucket=BUCKET, Key="copy", CopySource={"Bucket": BUCKET, "Key": "copy"}, MetadataDirective="REPLACE", ChecksumAlgorithm="SHA512")
            equal(again["CopyObjectResult"]["ChecksumSHA512"], text(DIGESTS["SHA512"](whole)), "copy with another algorithm")
            same("copy", whole, ChecksumMode="ENABLED")


def copied_parts():
    data = noise(2 * PART)
    s3.upload_fileobj(io.BytesIO(data), BUCKET, "source")
    upload = {"Bucket": BUCKET, "Key": "assembled"}
    upload["UploadId"] = s3.create_multipart_upload(**upload, ChecksumAlgorithm="SHA256")["UploadId"]
    source = {"Bucket": BUCKET, "Key": "source"}
    parts = []
    for i, (first, last) in enumerate([(0, PART - 1), (100, 100 + PART), (0, 9)], 1):
        made = s3.upload_part_copy(**upload, PartNumber=i, CopySource=source, CopySourceRange=f"bytes={first}-{last}")["CopyPartResult"]
        equal(made["ChecksumSHA256"], text(DIGESTS["SHA256"](data[first : last + 1])), "copied part")
        parts.append({"PartNumber": i, "ETag": made["ETag"], "ChecksumSHA256": made["ChecksumSHA256"]})
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    same("assembled", data[:PART] + data[100 : 101 + PART] + data[:10], ChecksumMode="ENABLED")


def refusals():
    upload = {"Bucket": BUCKET, "Key": "refused"}
    upload["UploadId"] = s3.create_multipart_upload(**upload, ChecksumAlgorithm="SHA1")["UploadId"]
    equal(len(s3.list_multipart_uploads(Bucket=BUCKET)["Uploads"]), 1, "uploads under way")
    one = s3.upload_part(**upload, PartNumber=1, Body=b"small", ChecksumAlgorithm="SHA1")
    two = s3.upload_part(**upload, PartNumber=2, Body=b"small", ChecksumAlgorithm="SHA1")
    parts = [{"PartNumber": n, "ETag": p["ETag"], "ChecksumSHA1": p["ChecksumSHA1"]} for n, p in ((1, one), (2, two))]
    plain = client(request_checksum_calculation="when_required")

    def refused(want, what, call, **arguments):
        equal(code(call, **upload, **arguments), want, what)

    refused("InvalidRequest", "part without its checksum", plain.upload_part, PartNumber=3, Body=b"x")
    refused("InvalidRequest", "part of another algorithm", s3.upload_part, PartNumber=3, Body=b"x", ChecksumAlgorithm="SHA256")
    refused("InvalidArgument", "part number", s3.upload_part, PartNumber=10_001, Body=b"x", ChecksumAlgorithm="SHA1")
    refused("EntityTooSmall", "small part", s3.complete_multipart_upload, MultipartUpload={"Parts": parts})
    refused("InvalidPartOrder", "order", s3.complete_multipart_upload, MultipartUpload={"Parts": parts[::-1]})
    refused("InvalidPart", "missing part", s3.complete_multipart_upload, MultipartUpload={"Parts": parts[:1] + [{**parts[1], "PartNumber": 7}]})
    refused("InvalidRequest", "part's checksum left out", s3.complete_multipart_upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": one["ETag"]}]})
    refused("InvalidRequest", "size", s3.complete_multipart_upload, MultipartUpload={"Parts": parts[:1]}, MpuObjectSize=6)
    refused("BadDigest", "type", s3.complete_multipart_upload, MultipartUpload={"Parts": parts[:1]}, ChecksumType="FULL_OBJECT")
    s3.abort_multipart_upload(**upload)
    refused("NoSuchUpload", "aborted", s3.complete_multipart_upload, MultipartUpload={"Parts": parts[:1]})
    equal("Uploads" in s3.list_multipart_uploads(Bucket=BUCKET), False, "uploads after the abort")


def fetch(url, method="GET", data=None, headers=None):
    request = urllib.request.Request(url, data=data, method=method, headers=headers or {})
    with urllib.request.urlopen(request) as answer:
        return answer.read(), answer.headers


def presigned():
    url = s3.generate_presigned_url("put_object", Params={"Bucket": BUCKET, "Key": "presigned", "ContentType": "text/plain"}, ExpiresIn=60)
    fetch(url, "PUT", BODY, {"Content-Type": "text/plain"})
    arguments = {"Bucket": BUCKET, "Key": "presigned", "ResponseContentDisposition": "attachment; filename=a b.txt"}
    body, headers = fetch(s3.generate_presigned_url("get_object", Params=arguments, ExpiresIn=60))
    equal((body, headers["Content-Disposition"], headers["Content-Type"]), (BODY, "attachment; filename=a b.txt", "text/plain"), "presigned")
    upload = {"Bucket": BUCKET, "Key": "presigned parts"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    _, headers = fetch(s3.generate_presigned_url("upload_part", Params={**upload, "PartNumber": 1}), "PUT", BODY)
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": headers["ETag"]}]})
    same("presigned parts", BODY)
    start, signature = url.rsplit("=", 1)
    try:
        fetch(start + "=" + signature[::-1], "PUT", BODY, {"Content-Type": "text/plain"})
    except urllib.error.HTTPError as e:
        equal(e.code, 403, "wrong signature")
    else:
        raise AssertionError("a wrong signature was taken")


def temporary():
    sts = boto3.client("sts", endpoint_url=os.environ["ENDPOINT"], region_name="us-east-1")
    role = {"RoleArn": "arn:aws:iam::123456789012:role/any", "RoleSessionName": "walkthrough"}
    made = sts.assume_role(**role, DurationSeconds=900)["Credentials"]
    keys = {
        "aws_access_key_id": made["AccessKeyId"],
        "aws_secret_access_key": made["SecretAccessKey"],
        "aws_session_token": made["SessionToken"],
    }
    for version in ("s3v4", "s3"):
        config = Config(signature_version=version, retries={"max_attempts": 1}, s3={"addressing_style": "path"})
        c = boto3.client("s3", endpoint_url=os.environ["ENDPOINT"], region_name="us-east-1", config=config, **keys)
        c.put_object(Bucket=BUCKET, Key="temporary", Body=BODY)
        same("temporary", BODY)
        url = c.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": "temporary"}, ExpiresIn=60)
        equal(fetch(url)[0], BODY, "presigned " + version)
        keys["aws_session_token"] += "x"
        other = boto3.client("s3", endpoint_url=os.environ["ENDPOINT"], region_name="us-east-1", config=config, **keys)
        equal(code(other.list_objects_v2, Bucket=BUCKET), "InvalidToken", "changed token " + version)
        keys["aws_session_token"] = made["SessionToken"]
    narrow = boto3.client("sts", endpoint_url=os.environ["ENDPOINT"], region_name="us-east-1", **keys)
    equal(code(narrow.assume_role, **role), "AccessDenied", "a role of a role")
    equal(code(sts.assume_role_with_web_identity, **role, WebIdentityToken="a.b.c"), "InvalidIdentityToken", "web identity")


def main():
    s3.create_bucket(Bucket=BUCKET)
    for step in (put_whole, managed_transfers, parts_by_hand, copied_parts, refusals, presigned, temporary):
        print(step.__name__, flush=True)
        step()
    keys = [o["Key"] for o in s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
    answer = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": k} for k in keys]})
    equal(len(answer["Deleted"]), len(keys), "deleted")
    s3.delete_bucket(Bucket=BUCKET)


main()
