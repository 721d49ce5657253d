"""What users of boto3 do.

Run by TestBoto3 with the endpoint, the credential and the steps in the
environment. A failed assertion ends it. The checksums that boto3 has beyond
these are in boto3_checksums.py.
"""

import datetime
import io
import json
import os
import ssl
import urllib.error
import urllib.request

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

from walk import MIB, ODD_KEYS, PART, equal, go, noise

BUCKET = "walk"
ENDPOINT = os.environ["ENDPOINT"]


def client(service="s3", **credentials):
    config = Config(signature_version="s3v4", retries={"max_attempts": 1}, s3={"addressing_style": "path"})
    if service != "s3":
        config = Config(retries={"max_attempts": 1})
    return boto3.client(service, endpoint_url=ENDPOINT, config=config, **credentials)


s3 = client()


def refused(want, what, call, **arguments):
    """Wants a call to fail with this code."""
    try:
        call(**arguments)
    except ClientError as e:
        equal(e.response["Error"]["Code"], want, what)
    else:
        raise AssertionError(f"{what} succeeded, want {want}")


def get(key, bucket=BUCKET, **arguments):
    return s3.get_object(Bucket=bucket, Key=key, **arguments)["Body"].read()


def fetch(url, method="GET", data=None, headers=None):
    """Sends a request without a signature of its own; returns status, body and headers."""
    context = ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE"))
    request = urllib.request.Request(url, data=data, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(request, context=context if url.startswith("https") else None) as answer:
            return answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as e:
        return e.code, e.read(), e.headers


def buckets():
    made = {"Bucket": "made"}
    s3.create_bucket(**made)
    refused("BucketAlreadyOwnedByYou", "make it again", s3.create_bucket, **made)
    s3.head_bucket(**made)
    equal("made" in [b["Name"] for b in s3.list_buckets()["Buckets"]], True, "listed")
    s3.put_object(**made, Key="k")
    refused("BucketNotEmpty", "remove it with an object", s3.delete_bucket, **made)
    s3.delete_object(**made, Key="k")
    s3.delete_bucket(**made)
    refused("404", "head what is gone", s3.head_bucket, **made)


def objects():
    at = {"Bucket": BUCKET, "Key": "object"}
    body = b"the quick brown fox"
    put = s3.put_object(**at, Body=body, ContentType="text/x", CacheControl="no-store", Metadata={"color": "red"})
    head = s3.head_object(**at)
    got = [head[k] for k in ("ContentLength", "ETag", "ContentType", "CacheControl", "Metadata")]
    equal(got, [len(body), put["ETag"], "text/x", "no-store", {"color": "red"}], "head")
    equal(get("object"), body, "body")
    for asked, want in {"bytes=4-8": b"quick", "bytes=16-": b"fox", "bytes=-3": b"fox", "bytes=16-99": b"fox"}.items():
        equal(get("object", Range=asked), want, asked)
    refused("InvalidRange", "a range beyond the end", s3.get_object, **at, Range="bytes=19-")
    refused("NoSuchKey", "no such key", s3.get_object, Bucket=BUCKET, Key="none")
    for size in (0, 1, 70_000, 3 * MIB):
        s3.put_object(Bucket=BUCKET, Key="sized", Body=noise(size))
        equal(get("sized") == noise(size), True, f"{size} bytes")
    removed = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": k} for k in ("object", "sized", "never there")]})
    equal((len(removed["Deleted"]), "Errors" in removed), (3, False), "removed")
    refused("404", "head what is gone", s3.head_object, **at)


def listing():
    bucket = {"Bucket": "listed"}
    s3.create_bucket(**bucket)
    want = sorted(ODD_KEYS, key=str.encode)
    for key in want:
        s3.put_object(**bucket, Key=key, Body=key.encode())
    for size in (1, 3, 1000):
        pages = s3.get_paginator("list_objects_v2").paginate(**bucket, PaginationConfig={"PageSize": size})
        equal([o["Key"] for page in pages for o in page["Contents"]], want, "keys")
    for key in want:
        equal(get(key, "listed"), key.encode(), key)
    folder = s3.list_objects_v2(**bucket, Delimiter="/", Prefix="dir/")
    equal((folder["Contents"][0]["Key"], folder["CommonPrefixes"]), ("dir/one", [{"Prefix": "dir/sub/"}]), "within dir")
    equal(s3.list_objects(**bucket, Prefix="über/")["Contents"][0]["Key"], "über/ä", "first version of the listing")
    removed = s3.delete_objects(**bucket, Delete={"Objects": [{"Key": k} for k in want], "Quiet": True})
    equal("Deleted" in removed or "Errors" in removed, False, "removed quietly")
    s3.delete_bucket(**bucket)


def multipart():
    """Uploads in parts, breaks off, and goes on with what is listed."""
    at = {"Bucket": BUCKET, "Key": "in parts/ü b"}
    bodies = [noise(PART), noise(PART + 1), noise(PART + 2), b"end"]
    upload = {**at, "UploadId": s3.create_multipart_upload(**at, Metadata={"color": "red"})["UploadId"]}

    def send(number, to):
        s3.upload_part(**to, PartNumber=number, Body=bodies[number - 1])

    def parts():
        pages = s3.get_paginator("list_parts").paginate(**upload, PaginationConfig={"PageSize": 1})
        return [{"PartNumber": p["PartNumber"], "ETag": p["ETag"]} for page in pages for p in page["Parts"]]

    send(1, upload)
    send(3, upload)
    under_way = s3.list_multipart_uploads(Bucket=BUCKET)["Uploads"][0]
    equal((under_way["Key"], under_way["UploadId"]), (at["Key"], upload["UploadId"]), "upload under way")
    equal([p["PartNumber"] for p in parts()], [1, 3], "parts so far")
    send(2, upload)
    send(4, upload)
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts()})
    equal(get(at["Key"]) == b"".join(bodies), True, "all parts")
    second = s3.get_object(**at, PartNumber=2)
    equal((second["Body"].read() == bodies[1], second["PartsCount"], second["Metadata"]), (True, 4, {"color": "red"}), "second part")

    aborted = {**at, "UploadId": s3.create_multipart_upload(**at)["UploadId"]}
    send(1, aborted)
    s3.abort_multipart_upload(**aborted)
    refused("NoSuchUpload", "aborted", s3.list_parts, **aborted)

    copy = {"Bucket": BUCKET, "Key": "copied parts"}
    copy["UploadId"] = s3.create_multipart_upload(**copy)["UploadId"]
    part = s3.upload_part_copy(**copy, PartNumber=1, CopySource=at, CopySourceRange="bytes=5242880-10485760")["CopyPartResult"]
    s3.complete_multipart_upload(**copy, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    equal(get("copied parts") == bodies[1], True, "copied part")
    equal("Uploads" in s3.list_multipart_uploads(Bucket=BUCKET), False, "uploads left")


def transfers():
    """The SDK's own transfers of large objects, and its copies in parts."""
    config = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART)
    data = noise(3 * PART + 12_345)
    s3.upload_fileobj(io.BytesIO(data), BUCKET, "transfer", Config=config)
    back = io.BytesIO()
    s3.download_fileobj(BUCKET, "transfer", back, Config=config)
    equal(back.getvalue() == data, True, "transfer")
    equal(s3.head_object(Bucket=BUCKET, Key="transfer")["ETag"][-3:], '-4"', "in parts")
    s3.copy({"Bucket": BUCKET, "Key": "transfer"}, BUCKET, "copied", Config=config)
    equal(get("copied") == data, True, "copy in parts")


def presigned():
    at = {"Bucket": BUCKET, "Key": "pre signed+ü"}

    def sign(call, **more):
        return s3.generate_presigned_url(call, Params={**at, **more}, ExpiresIn=60)

    equal(fetch(sign("put_object", ContentType="text/x"), "PUT", b"hello", {"Content-Type": "text/x"})[0], 200, "put")
    url = sign("get_object", ResponseContentDisposition="attachment; filename=a b.txt")
    status, body, headers = fetch(url)
    equal((status, body, headers["Content-Type"], headers["Content-Disposition"]), (200, b"hello", "text/x", "attachment; filename=a b.txt"), "get")
    status, body, _ = fetch(url.replace("pre%20signed", "pre%20Signed"))
    equal((status, b"SignatureDoesNotMatch" in body), (403, True), "another key")
    equal(fetch(sign("delete_object"), "DELETE")[0], 204, "delete")


def form():
    """Uploads as a browser does, with a policy that the SDK signed."""
    signed = s3.generate_presigned_post(
        BUCKET, "from a form", Conditions=[["content-length-range", 1, 10], ["starts-with", "$Content-Type", "text/"]], ExpiresIn=60)
    for content_type, content, status, says in (
        ("text/plain", b"chosen", 204, b""),
        ("text/plain", b"more than ten bytes", 400, b"EntityTooLarge"),
        ("image/png", b"chosen", 403, b"AccessDenied"),
    ):
        fields = {**signed["fields"], "Content-Type": content_type}
        body = b"".join(f'--line\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n'.encode() for k, v in fields.items())
        body += b'--line\r\nContent-Disposition: form-data; name="file"; filename="chosen.txt"\r\n\r\n' + content + b"\r\n--line--\r\n"
        got = fetch(signed["url"], "POST", body, {"Content-Type": "multipart/form-data; boundary=line"})
        equal((got[0], says in got[1]), (status, True), content_type)
    equal(get("from a form"), b"chosen", "uploaded")


def tags():
    at = {"Bucket": BUCKET, "Key": "tagged"}

    def tagging(*pairs):
        return {"TagSet": [{"Key": k, "Value": v} for k, v in pairs]}

    def of():
        return {t["Key"]: t["Value"] for t in s3.get_object_tagging(**at)["TagSet"]}

    s3.put_object(**at, Tagging="color=dark%20red&size=1")
    equal(of(), {"color": "dark red", "size": "1"}, "tags of the upload")
    equal(s3.get_object(**at)["TagCount"], 2, "count")
    s3.put_object_tagging(**at, Tagging=tagging(("Ünit", "a+b")))
    equal(of(), {"Ünit": "a+b"}, "tags put")
    refused("InvalidTag", "a key twice", s3.put_object_tagging, **at, Tagging=tagging(("k", "1"), ("k", "2")))
    s3.delete_object_tagging(**at)
    equal(of(), {}, "tags removed")
    s3.put_bucket_tagging(Bucket=BUCKET, Tagging=tagging(("team", "blue")))
    equal(s3.get_bucket_tagging(Bucket=BUCKET)["TagSet"], [{"Key": "team", "Value": "blue"}], "tag of the bucket")
    s3.delete_bucket_tagging(Bucket=BUCKET)
    refused("NoSuchTagSet", "no tags", s3.get_bucket_tagging, Bucket=BUCKET)


def versions():
    at = {"Bucket": "versions", "Key": "k"}
    bucket = {"Bucket": "versions"}

    def switch(status):
        s3.put_bucket_versioning(**bucket, VersioningConfiguration={"Status": status})
        equal(s3.get_bucket_versioning(**bucket)["Status"], status, "versioning")

    def read(version=None):
        return get("k", "versions", **({"VersionId": version} if version else {})).decode()

    s3.create_bucket(**bucket)
    s3.put_object(**at, Body="null")
    switch("Enabled")
    one, two = (s3.put_object(**at, Body=text)["VersionId"] for text in ("one", "two"))
    equal([read(v) for v in (None, two, one, "null")], ["two", "two", "one", "null"], "versions")
    deleted = s3.delete_object(**at)
    equal(deleted["DeleteMarker"], True, "delete marker")
    marker = deleted["VersionId"]
    refused("NoSuchKey", "below a marker", s3.get_object, **at)
    refused("405", "head of a marker", s3.head_object, **at, VersionId=marker)
    pages = s3.get_paginator("list_object_versions").paginate(**bucket, PaginationConfig={"PageSize": 2})
    listed = [v["VersionId"] for page in pages for v in page.get("DeleteMarkers", []) + page.get("Versions", [])]
    equal(listed, [marker, two, one, "null"], "listed")
    s3.delete_object(**at, VersionId=marker)
    equal(read(), "two", "without the marker")
    s3.delete_object(**at, VersionId=two)
    equal(read(), "one", "without the latest")
    refused("NoSuchVersion", "a removed version", s3.get_object, **at, VersionId=two)
    s3.copy_object(**at, CopySource={**at, "VersionId": "null"})
    equal(read(), "null", "an old one brought back")
    switch("Suspended")
    equal(s3.put_object(**at, Body="suspended").get("VersionId"), "null", "version while suspended")
    equal((read("null"), read(one)), ("suspended", "one"), "others")
    # What the SDK's resources do to empty a bucket.
    boto3.resource("s3", endpoint_url=ENDPOINT).Bucket("versions").object_versions.delete()
    s3.delete_bucket(**bucket)


def conditions():
    at = {"Bucket": BUCKET, "Key": "once"}
    wrong = '"00000000000000000000000000000000"'
    refused("NoSuchKey", "if-match of nothing", s3.put_object, **at, IfMatch=wrong)
    etag = s3.put_object(**at, Body=b"x", IfNoneMatch="*")["ETag"]
    refused("PreconditionFailed", "if-none-match of what is there", s3.put_object, **at, IfNoneMatch="*")
    refused("PreconditionFailed", "if-match of another", s3.put_object, **at, IfMatch=wrong)
    s3.put_object(**at, Body=b"x", IfMatch=etag)
    refused("PreconditionFailed", "get another", s3.get_object, **at, IfMatch=wrong)
    refused("304", "get the same", s3.get_object, **at, IfNoneMatch=etag)
    upload = {**at, "UploadId": s3.create_multipart_upload(**at)["UploadId"]}
    part = s3.upload_part(**upload, PartNumber=1, Body=b"y")
    complete = {**upload, "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": part["ETag"], "ChecksumCRC32": part["ChecksumCRC32"]}]}}
    refused("PreconditionFailed", "complete over what is there", s3.complete_multipart_upload, **complete, IfNoneMatch="*")
    s3.complete_multipart_upload(**complete, IfMatch=etag)
    equal(get("once"), b"y", "completed")
    refused("PreconditionFailed", "delete another", s3.delete_object, **at, IfMatch=wrong)
    several = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "once", "ETag": wrong}]})
    equal(several["Errors"][0]["Code"], "PreconditionFailed", "delete another of several")
    s3.delete_object(**at, IfMatch="*")


def checksums():
    at = {"Bucket": BUCKET, "Key": "summed"}
    body = b"123456789"
    sums = {"CRC32": "y/Q5Jg==", "CRC32C": "4waSgw==", "CRC64NVME": "rosUhgp5mIg=", "SHA1": "98O8HYCOBHMq32eZZczDTKeuNEE=",
            "SHA256": "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU="}
    for asked in (None, *sums):
        s3.put_object(**at, Body=body, **({"ChecksumAlgorithm": asked} if asked else {}))
        head = s3.head_object(**at, ChecksumMode="ENABLED")
        told = {k: head["Checksum" + k] for k in sums if "Checksum" + k in head}
        equal((told, head["ChecksumType"]), ({asked or "CRC32": sums[asked or "CRC32"]}, "FULL_OBJECT"), "checksum")
        get("summed")  # boto3 compares
    refused("BadDigest", "a wrong checksum", s3.put_object, **at, Body=body, ChecksumCRC32="AAAAAA==")


def copies():
    source = {"Bucket": BUCKET, "Key": "über a+b%.txt"}
    at = {"Bucket": BUCKET, "Key": "copy"}
    s3.put_object(**source, Body=noise(100_000), Metadata={"color": "red"})
    s3.copy_object(**at, CopySource=source)
    equal((get("copy") == noise(100_000), s3.head_object(**at)["Metadata"]), (True, {"color": "red"}), "copy")
    s3.copy_object(**at, CopySource=source, MetadataDirective="REPLACE", Metadata={"color": "blue"})
    equal(s3.head_object(**at)["Metadata"], {"color": "blue"}, "metadata replaced")
    refused("InvalidRequest", "copy onto itself", s3.copy_object, **source, CopySource=source)
    refused("PreconditionFailed", "copy what it is not", s3.copy_object, **at, CopySource=source, CopySourceIfMatch='"0"')


def policy():
    bucket = {"Bucket": "public"}
    s3.create_bucket(**bucket)
    s3.put_object(**bucket, Key="open/k", Body=b"for all")
    s3.put_object(**bucket, Key="closed", Body=b"for some")

    def anonymous(key):
        return fetch(f"{ENDPOINT}/public/{key}")[0]

    equal(anonymous("open/k"), 403, "before")
    refused("NoSuchBucketPolicy", "no policy", s3.get_bucket_policy, **bucket)
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::public/open/*"}
    s3.put_bucket_policy(**bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    equal((anonymous("open/k"), anonymous("closed")), (200, 403), "after")
    json.loads(s3.get_bucket_policy(**bucket)["Policy"])
    equal(s3.get_bucket_policy_status(**bucket)["PolicyStatus"]["IsPublic"], True, "public")
    refused("MalformedPolicy", "no statement", s3.put_bucket_policy, **bucket, Policy='{"Version":"2012-10-17"}')
    s3.delete_bucket_policy(**bucket)
    equal(anonymous("open/k"), 403, "without policy")


def cors():
    rule = {"AllowedOrigins": ["https://*.example.org"], "AllowedMethods": ["GET", "PUT"], "AllowedHeaders": ["*"], "ExposeHeaders": ["ETag"], "MaxAgeSeconds": 600}
    s3.put_bucket_cors(Bucket=BUCKET, CORSConfiguration={"CORSRules": [rule]})
    equal(s3.get_bucket_cors(Bucket=BUCKET)["CORSRules"], [rule], "rules")
    for origin, want in {"https://app.example.org": 200, "https://example.net": 403}.items():
        headers = {"Origin": origin, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "x-amz-meta-color"}
        equal(fetch(f"{ENDPOINT}/{BUCKET}/k", "OPTIONS", headers=headers)[0], want, "preflight of " + origin)
    s3.delete_bucket_cors(Bucket=BUCKET)
    refused("NoSuchCORSConfiguration", "no rules", s3.get_bucket_cors, Bucket=BUCKET)


def notification():
    """Has the bucket's events sent to the target; whether they arrive, TestBoto3 sees."""
    target = os.environ["TARGET_ARN"]
    at = {"Bucket": "events", "Key": "seen a+ü"}
    s3.create_bucket(Bucket="events")

    def rules(arn):
        return {"QueueConfigurations": [{
            "Id": "all", "QueueArn": arn, "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"],
            "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "seen "}]}},
        }]}

    s3.put_bucket_notification_configuration(Bucket="events", NotificationConfiguration=rules(target))
    got = s3.get_bucket_notification_configuration(Bucket="events")
    equal(got["QueueConfigurations"], rules(target)["QueueConfigurations"], "rules")
    s3.put_object(**at, Body=b"x")
    s3.delete_object(**at)
    refused("InvalidArgument", "no such target", s3.put_bucket_notification_configuration,
            Bucket="events", NotificationConfiguration=rules(target.replace("::", "::no-")))


def lock():
    """A default retention, retention in both modes, and a legal hold."""
    at = {"Bucket": "locked", "Key": "k"}
    s3.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    configuration = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}}
    s3.put_object_lock_configuration(Bucket="locked", ObjectLockConfiguration=configuration)
    equal(s3.get_object_lock_configuration(Bucket="locked")["ObjectLockConfiguration"], configuration, "configuration")
    version = s3.put_object(**at, Body=b"kept")["VersionId"]
    equal(s3.head_object(**at)["ObjectLockMode"], "GOVERNANCE", "default mode")
    refused("AccessDenied", "remove under governance", s3.delete_object, **at, VersionId=version)
    for status in ("ON", "OFF"):
        s3.put_object_legal_hold(**at, LegalHold={"Status": status})
        equal(s3.get_object_legal_hold(**at)["LegalHold"], {"Status": status}, "legal hold")
        if status == "ON":
            refused("AccessDenied", "remove under a hold", s3.delete_object, **at, VersionId=version, BypassGovernanceRetention=True)
    s3.delete_object(**at, VersionId=version, BypassGovernanceRetention=True)

    until = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + datetime.timedelta(hours=1)
    version = s3.put_object(**at, Body=b"kept", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=until)["VersionId"]
    equal(s3.get_object_retention(**at)["Retention"], {"Mode": "COMPLIANCE", "RetainUntilDate": until}, "retention")
    refused("AccessDenied", "remove under compliance", s3.delete_object, **at, VersionId=version, BypassGovernanceRetention=True)
    minute = datetime.timedelta(minutes=1)
    refused("AccessDenied", "shorten compliance", s3.put_object_retention, **at, Retention={"Mode": "COMPLIANCE", "RetainUntilDate": until - minute})
    s3.put_object_retention(**at, Retention={"Mode": "COMPLIANCE", "RetainUntilDate": until + minute})
    equal(s3.delete_object(**at)["DeleteMarker"], True, "a marker above it")
    equal(get("k", "locked", VersionId=version), b"kept", "still there")


def sse_s3():
    """Encryption with keys of the server, asked for by the upload and by the bucket's default."""
    at = {"Bucket": "encrypted", "Key": "k"}
    body = noise(2 * MIB)
    s3.create_bucket(Bucket="encrypted")
    equal(s3.put_object(**at, Body=body, ServerSideEncryption="AES256")["ServerSideEncryption"], "AES256", "put")
    part = s3.get_object(**at, Range="bytes=100000-199999")
    equal((part["Body"].read() == body[100_000:200_000], part["ServerSideEncryption"]), (True, "AES256"), "range")
    rules = [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
    s3.put_bucket_encryption(Bucket="encrypted", ServerSideEncryptionConfiguration={"Rules": rules})
    got = s3.get_bucket_encryption(Bucket="encrypted")["ServerSideEncryptionConfiguration"]["Rules"][0]
    equal(got["ApplyServerSideEncryptionByDefault"], {"SSEAlgorithm": "AES256"}, "default")
    s3.put_object(Bucket="encrypted", Key="by default", Body=body)
    head = s3.head_object(Bucket="encrypted", Key="by default")
    equal((head["ServerSideEncryption"], head["ContentLength"]), ("AES256", len(body)), "by default")
    s3.copy_object(Bucket=BUCKET, Key="in the clear", CopySource=at)
    equal(get("in the clear") == body, True, "copy")
    s3.delete_bucket_encryption(Bucket="encrypted")


def sse_c():
    """Encryption with keys that the requests bring."""
    at = {"Bucket": BUCKET, "Key": "sealed"}
    body = noise(2 * MIB)

    def key(fill, prefix="SSECustomer"):
        value = fill * 32
        return {prefix + "Algorithm": "AES256", prefix + "Key": value}  # boto3 adds the digest

    mine, other = key("m"), key("o")
    s3.put_object(**at, Body=body, **mine)
    refused("InvalidRequest", "without the key", s3.get_object, **at)
    refused("AccessDenied", "with another key", s3.get_object, **at, **other)
    equal(get("sealed", **mine) == body, True, "whole")
    equal(get("sealed", **mine, Range="bytes=65530-65550"), body[65_530:65_551], "range")
    s3.copy_object(Bucket=BUCKET, Key="resealed", CopySource=at, **key("m", "CopySourceSSECustomer"), **other)
    equal(get("resealed", **other) == body, True, "copy under another key")
    data = noise(PART + MIB)
    s3.upload_fileobj(io.BytesIO(data), BUCKET, "sealed parts", ExtraArgs=mine, Config=TransferConfig(multipart_threshold=PART, multipart_chunksize=PART))
    equal(get("sealed parts", **mine) == data, True, "parts")


def sts():
    """A user's program gets a credential that may only read."""
    s3.put_object(Bucket=BUCKET, Key="readable", Body=b"x")
    user = client("sts", aws_access_key_id=os.environ["STS_USER"], aws_secret_access_key=os.environ["STS_SECRET"])
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/*"}
    got = user.assume_role(RoleArn="arn:aws:iam::123456789012:role/any", RoleSessionName="walk",
                           Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))["Credentials"]
    assumed = client(aws_access_key_id=got["AccessKeyId"], aws_secret_access_key=got["SecretAccessKey"], aws_session_token=got["SessionToken"])
    equal(assumed.get_object(Bucket=BUCKET, Key="readable")["Body"].read(), b"x", "read")
    refused("AccessDenied", "write", assumed.put_object, Bucket=BUCKET, Key="no")


s3.create_bucket(Bucket=BUCKET)
go([buckets, objects, listing, multipart, transfers, presigned, form, tags, versions, conditions, checksums, copies, policy, cors,
    notification, lock, sse_s3, sse_c, sts])
