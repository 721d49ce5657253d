"""What users of awscli type: files, streams and folders, there, about and back.

Run by TestAWSCLI with the endpoint, the credential and the steps in the
environment, in a folder of its own. A failed assertion ends it.
"""

import datetime
import json
import os
import pathlib
import subprocess
import sys
import urllib.error
import urllib.request

from walk import MIB, ODD_KEYS, PART, equal, go, noise

CONFIG = """
[default]
region = us-east-1
s3 =
    multipart_threshold = 5MB
    multipart_chunksize = 5MB
    addressing_style = path
    signature_version = s3v4
"""


SIZES = {"empty": 0, "small": 100, "blob": 100_000, "large": 12 * MIB + 7}
FILES = {name: noise(size) for name, size in SIZES.items()}


def aws(*words, stdin=None, fails=False):
    """Types a command and returns its stdout."""
    command = [sys.executable, "-m", "awscli", "--endpoint-url", os.environ["ENDPOINT"], *words]
    done = subprocess.run(command, input=stdin, capture_output=True, check=False)
    if (done.returncode != 0) != fails:
        raise AssertionError(f"aws {' '.join(words)}: exit {done.returncode}\n{done.stdout!r:.500}\n{done.stderr.decode()}")
    return done.stderr if fails else done.stdout


def same(url, want):
    """Reads an object to stdout."""
    equal(aws("s3", "cp", url, "-"), want, url)


def keys(prefix):
    listing = aws("s3", "ls", "--recursive", prefix).decode().splitlines()
    return sorted(line.split(maxsplit=3)[3] for line in listing)


def files(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in pathlib.Path(folder).rglob("*") if p.is_file()}


def fill(folder):
    for name, content in FILES.items():
        path = pathlib.Path(folder, "deep" if name == "blob" else "", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def objects():
    for algorithm in ([], ["--checksum-algorithm", "CRC32"], ["--checksum-algorithm", "SHA256"], ["--checksum-algorithm", "CRC64NVME"]):
        for name in ("small", "large"):
            aws("s3", "cp", f"up/{name}", f"s3://cli/{name}", "--metadata", "color=red", "--content-type", "text/x", *algorithm)
            aws("s3", "cp", "--checksum-mode", "ENABLED", f"s3://cli/{name}", "back")
            equal(pathlib.Path("back").read_bytes(), FILES[name], f"{name} {algorithm}")
            head = json.loads(aws("s3api", "head-object", "--bucket", "cli", "--key", name, "--checksum-mode", "ENABLED"))
            equal((head["Metadata"], head["ContentType"]), ({"color": "red"}, "text/x"), f"{name} {algorithm}")
            if algorithm:
                equal("Checksum" + algorithm[1] in head, True, f"{name} {algorithm}: {head}")
    for name in FILES:
        if name != "blob":
            aws("s3", "cp", f"up/{name}", f"s3://cli/{name}")
            same(f"s3://cli/{name}", FILES[name])


def transfers():
    copies_and_moves()
    folders()
    for name, content in FILES.items():
        aws("s3", "cp", "-", f"s3://cli/streamed/{name}", stdin=content)
        same(f"s3://cli/streamed/{name}", content)
    aws("s3", "cp", "-", "s3://cli/streamed/expected", "--expected-size", str(SIZES["large"]), stdin=FILES["large"])
    same("s3://cli/streamed/expected", FILES["large"])


def copies_and_moves():
    aws("s3", "cp", "s3://cli/large", "s3://cli/copied")
    same("s3://cli/copied", FILES["large"])
    aws("s3", "mv", "s3://cli/copied", "s3://cli/moved")
    same("s3://cli/moved", FILES["large"])
    aws("s3", "mv", "s3://cli/moved", "moved")
    equal(pathlib.Path("moved").read_bytes(), FILES["large"], "moved here")
    aws("s3", "mv", "moved", "s3://cli/again")
    equal(pathlib.Path("moved").exists(), False, "moved there")
    same("s3://cli/again", FILES["large"])
    equal("copied" in keys("s3://cli/") or "moved" in keys("s3://cli/"), False, "what was moved")
    aws("s3", "rm", "s3://cli/again")


def folders():
    fill("tree")
    aws("s3", "sync", "tree", "s3://cli/tree")
    equal(keys("s3://cli/tree/"), sorted("tree/" + n for n in files("tree")), "after sync")
    equal(aws("s3", "sync", "tree", "s3://cli/tree"), b"", "sync of nothing new")
    aws("s3", "sync", "s3://cli/tree", "s3://other/tree")
    aws("s3", "sync", "s3://other/tree", "down")
    equal(files("down"), files("tree"), "after sync to the other bucket and back")
    pathlib.Path("tree/small").unlink()
    aws("s3", "sync", "--delete", "tree", "s3://other/tree")
    equal("tree/small" in keys("s3://other/"), False, "after sync --delete")
    aws("s3", "cp", "--recursive", "s3://cli/tree", "down2", "--exclude", "large")
    equal(sorted(files("down2")), sorted(n for n in files("down") if n != "large"), "cp --recursive")


def checksums():
    put = json.loads(aws("s3api", "put-object", "--bucket", "cli", "--key", "k", "--body", "up/small", "--checksum-algorithm", "SHA1"))
    equal(put["ChecksumType"], "FULL_OBJECT", "put-object")
    refusal = aws("s3api", "put-object", "--bucket", "cli", "--key", "no", "--body", "up/small", "--checksum-sha1", put["ChecksumSHA1"][::-1], fails=True)
    equal(b"InvalidRequest" in refusal or b"BadDigest" in refusal, True, refusal)
    upload = json.loads(aws("s3api", "create-multipart-upload", "--bucket", "cli", "--key", "parts", "--checksum-algorithm", "CRC32", "--checksum-type", "FULL_OBJECT"))["UploadId"]
    where = ["--bucket", "cli", "--key", "parts", "--upload-id", upload]
    part = json.loads(aws("s3api", "upload-part", *where, "--part-number", "1", "--body", "up/large", "--checksum-algorithm", "CRC32"))
    listed = json.loads(aws("s3api", "list-parts", *where))
    equal(listed["Parts"][0]["ChecksumCRC32"], part["ChecksumCRC32"], "list-parts")
    document = json.dumps({"Parts": [{"PartNumber": 1, "ETag": part["ETag"], "ChecksumCRC32": part["ChecksumCRC32"]}]})
    done = json.loads(aws("s3api", "complete-multipart-upload", *where, "--multipart-upload", document, "--checksum-type", "FULL_OBJECT", "--mpu-object-size", str(SIZES["large"])))
    equal(done["ChecksumCRC32"], part["ChecksumCRC32"], "one part is the whole")
    seen = json.loads(aws("s3api", "get-object-attributes", "--bucket", "cli", "--key", "parts", "--object-attributes", "Checksum", "ObjectParts", "ObjectSize"))
    equal((seen["ObjectSize"], seen["ObjectParts"]["TotalPartsCount"]), (SIZES["large"], 1), "attributes")


def api(call, *words, fails=False):
    """Types a call of s3api and returns its answer, or what it is refused with."""
    out = aws("s3api", call, *(w if isinstance(w, str) else json.dumps(w) for w in words), fails=fails)
    return out.decode() if fails else json.loads(out or b"{}")


def refused(want, call, *words):
    refusal = api(call, *words, fails=True)
    equal(want in refusal, True, f"{call}: {refusal}, want {want}")


def fetch(url, method="GET", headers=None):
    """Sends a request without a signature of its own; returns its status and body."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method, headers=headers or {})) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as e:
        return e.code, e.read()


def buckets():
    aws("s3", "mb", "s3://made")
    refused("BucketAlreadyOwnedByYou", "create-bucket", "--bucket", "made")
    equal("made" in aws("s3", "ls").decode(), True, "listed")
    aws("s3", "cp", "-", "s3://made/k", stdin=b"x")
    refused("BucketNotEmpty", "delete-bucket", "--bucket", "made")
    aws("s3", "rb", "--force", "s3://made")
    refused("404", "head-bucket", "--bucket", "made")


def listing():
    aws("s3", "mb", "s3://listed")
    odd = [k for k in ODD_KEYS if "\n" not in k and "//" not in k and not k.endswith("/")]  # names of files
    for key in odd:
        path = pathlib.Path("odd", key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(key, encoding="utf-8")
    aws("s3", "sync", "odd", "s3://listed")
    equal(keys("s3://listed"), sorted(odd), "keys")
    got = api("list-objects-v2", "--bucket", "listed", "--page-size", "3", "--query", "Contents[].Key")
    equal(got, sorted(odd, key=str.encode), "pages of three")
    equal(aws("s3", "ls", "s3://listed/dir/").decode().split()[:2], ["PRE", "sub/"], "within dir")
    for key in odd[:4]:
        same("s3://listed/" + key, key.encode())
    aws("s3", "rb", "--force", "s3://listed")


def multipart():
    """Uploads in parts, breaks off, and goes on with what is listed."""
    whole = noise(2 * PART + 3)
    for i in range(3):
        pathlib.Path(f"part{i + 1}").write_bytes(whole[i * PART : (i + 1) * PART])
    at = ["--bucket", "cli", "--key", "in parts/ü b"]

    def begin():
        return [*at, "--upload-id", api("create-multipart-upload", *at)["UploadId"]]

    def send(upload, number):
        api("upload-part", *upload, "--part-number", str(number), "--body", f"part{number}")

    upload = begin()
    send(upload, 1)
    send(upload, 3)
    equal(api("list-multipart-uploads", "--bucket", "cli", "--query", "Uploads[].Key"), [at[3]], "upload under way")
    equal(api("list-parts", *upload, "--page-size", "1", "--query", "Parts[].PartNumber"), [1, 3], "parts so far")
    send(upload, 2)
    parts = api("list-parts", *upload, "--query", "Parts[].{PartNumber: PartNumber, ETag: ETag}")
    api("complete-multipart-upload", *upload, "--multipart-upload", {"Parts": parts})
    same("s3://cli/" + at[3], whole)
    api("get-object", *at, "--range", "bytes=5242879-5242881", "range")
    equal(pathlib.Path("range").read_bytes(), whole[PART - 1 : PART + 2], "range")
    upload = begin()
    send(upload, 1)
    api("abort-multipart-upload", *upload)
    refused("NoSuchUpload", "list-parts", *upload)
    equal(api("list-multipart-uploads", "--bucket", "cli", "--query", "Uploads"), None, "uploads left")


def presigned():
    aws("s3", "cp", "-", "s3://cli/pre signed+ü", stdin=b"hello")
    url = aws("s3", "presign", "s3://cli/pre signed+ü", "--expires-in", "60").decode().strip()
    equal(fetch(url), (200, b"hello"), "presigned")
    equal(fetch(url.replace("pre%20signed", "pre%20Signed"))[0], 403, "another key")


def tags():
    at = ["--bucket", "cli", "--key", "tagged"]
    api("put-object", *at, "--tagging", "color=dark%20red")
    equal(api("get-object-tagging", *at)["TagSet"], [{"Key": "color", "Value": "dark red"}], "tags of the upload")
    api("put-object-tagging", *at, "--tagging", {"TagSet": [{"Key": "Ünit", "Value": "a+b"}]})
    equal(api("get-object-tagging", *at)["TagSet"], [{"Key": "Ünit", "Value": "a+b"}], "tags put")
    api("delete-object-tagging", *at)
    equal(api("get-object-tagging", *at)["TagSet"], [], "tags removed")
    api("put-bucket-tagging", "--bucket", "cli", "--tagging", "TagSet=[{Key=team,Value=blue}]")
    equal(api("get-bucket-tagging", "--bucket", "cli")["TagSet"], [{"Key": "team", "Value": "blue"}], "tags of the bucket")
    api("delete-bucket-tagging", "--bucket", "cli")
    refused("NoSuchTagSet", "get-bucket-tagging", "--bucket", "cli")


def versions():
    at = ["--bucket", "versions", "--key", "k"]
    aws("s3", "mb", "s3://versions")
    api("put-bucket-versioning", "--bucket", "versions", "--versioning-configuration", "Status=Enabled")
    equal(api("get-bucket-versioning", "--bucket", "versions")["Status"], "Enabled", "versioning")

    def put(text):
        pathlib.Path("version").write_text(text, encoding="utf-8")
        return api("put-object", *at, "--body", "version")["VersionId"]

    def read(*version):
        api("get-object", *at, *version, "read")
        return pathlib.Path("read").read_text(encoding="utf-8")

    one, two = put("one"), put("two")
    equal((read(), read("--version-id", one)), ("two", "one"), "versions")
    aws("s3", "rm", "s3://versions/k")
    refused("NoSuchKey", "get-object", *at, "no")
    marker = api("list-object-versions", "--bucket", "versions", "--query", "DeleteMarkers[0].VersionId")
    equal(api("list-object-versions", "--bucket", "versions", "--query", "Versions[].VersionId"), [two, one], "listed")
    for version in (marker, two):
        api("delete-object", *at, "--version-id", version)
    equal(read(), "one", "without marker and latest")
    api("delete-object", *at, "--version-id", one)
    aws("s3", "rb", "s3://versions")


def conditions():
    at = ["--bucket", "cli", "--key", "once"]
    etag = api("put-object", *at, "--if-none-match", "*")["ETag"]
    refused("PreconditionFailed", "put-object", *at, "--if-none-match", "*")
    refused("PreconditionFailed", "put-object", *at, "--if-match", "other")
    api("put-object", *at, "--if-match", etag)
    refused("PreconditionFailed", "get-object", *at, "--if-match", "other", "no")
    refused("304", "get-object", *at, "--if-none-match", etag, "no")
    refused("PreconditionFailed", "delete-object", *at, "--if-match", "other")
    api("delete-object", *at, "--if-match", etag)


def copies():
    aws("s3", "cp", "-", "s3://cli/über a+b%.txt", "--metadata", "color=red", stdin=b"copy me")
    aws("s3", "cp", "s3://cli/über a+b%.txt", "s3://cli/copy")
    equal(api("head-object", "--bucket", "cli", "--key", "copy")["Metadata"], {"color": "red"}, "metadata of the copy")
    aws("s3", "cp", "s3://cli/copy", "s3://cli/copy", "--metadata-directive", "REPLACE", "--metadata", "color=blue")
    equal(api("head-object", "--bucket", "cli", "--key", "copy")["Metadata"], {"color": "blue"}, "metadata replaced")
    same("s3://cli/copy", b"copy me")


def policy():
    aws("s3", "mb", "s3://public")
    aws("s3", "cp", "-", "s3://public/k", stdin=b"for all")
    url = os.environ["ENDPOINT"] + "/public/k"
    equal(fetch(url)[0], 403, "before")
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::public/*"}
    api("put-bucket-policy", "--bucket", "public", "--policy", {"Version": "2012-10-17", "Statement": [statement]})
    equal(fetch(url), (200, b"for all"), "after")
    equal(api("get-bucket-policy-status", "--bucket", "public")["PolicyStatus"]["IsPublic"], True, "public")
    equal(aws("s3", "cp", "--no-sign-request", "s3://public/k", "-"), b"for all", "unsigned")
    api("delete-bucket-policy", "--bucket", "public")
    refused("NoSuchBucketPolicy", "get-bucket-policy", "--bucket", "public")


def cors():
    rule = {"AllowedOrigins": ["https://*.example.org"], "AllowedMethods": ["GET"], "AllowedHeaders": ["*"]}
    api("put-bucket-cors", "--bucket", "cli", "--cors-configuration", {"CORSRules": [rule]})
    equal(api("get-bucket-cors", "--bucket", "cli")["CORSRules"], [rule], "rules")
    for origin, want in {"https://app.example.org": 200, "https://example.net": 403}.items():
        headers = {"Origin": origin, "Access-Control-Request-Method": "GET"}
        equal(fetch(os.environ["ENDPOINT"] + "/cli/k", "OPTIONS", headers)[0], want, "preflight of " + origin)
    api("delete-bucket-cors", "--bucket", "cli")
    refused("NoSuchCORSConfiguration", "get-bucket-cors", "--bucket", "cli")


def notification():
    """Has the bucket's events sent to the target; whether they arrive, TestAWSCLI sees."""
    aws("s3", "mb", "s3://events")
    rule = {"Id": "all", "QueueArn": os.environ["TARGET_ARN"], "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"],
            "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "seen "}]}}}
    at = ["--bucket", "events"]
    api("put-bucket-notification-configuration", *at, "--notification-configuration", {"QueueConfigurations": [rule]})
    equal(api("get-bucket-notification-configuration", *at)["QueueConfigurations"], [rule], "rules")
    aws("s3", "cp", "-", "s3://events/seen a+ü", stdin=b"x")
    aws("s3", "rm", "s3://events/seen a+ü")


def lock():
    """A default retention, retention in both modes, and a legal hold."""
    at = ["--bucket", "locked", "--key", "k"]
    api("create-bucket", "--bucket", "locked", "--object-lock-enabled-for-bucket")
    rule = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}}
    api("put-object-lock-configuration", "--bucket", "locked", "--object-lock-configuration", rule)
    equal(api("get-object-lock-configuration", "--bucket", "locked")["ObjectLockConfiguration"], rule, "configuration")
    removal = ["delete-object", *at, "--version-id", api("put-object", *at)["VersionId"]]
    equal(api("head-object", *at)["ObjectLockMode"], "GOVERNANCE", "default mode")
    refused("AccessDenied", *removal)
    api("put-object-legal-hold", *at, "--legal-hold", "Status=ON")
    equal(api("get-object-legal-hold", *at)["LegalHold"], {"Status": "ON"}, "legal hold")
    refused("AccessDenied", *removal, "--bypass-governance-retention")
    api("put-object-legal-hold", *at, "--legal-hold", "Status=OFF")
    api(*removal, "--bypass-governance-retention")
    until = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    put = api("put-object", *at, "--object-lock-mode", "COMPLIANCE", "--object-lock-retain-until-date", until)
    equal(api("get-object-retention", *at)["Retention"]["Mode"], "COMPLIANCE", "retention")
    refused("AccessDenied", "delete-object", *at, "--version-id", put["VersionId"], "--bypass-governance-retention")


def sse_s3():
    """Encryption with keys of the server."""
    aws("s3", "mb", "s3://encrypted")
    aws("s3", "cp", "-", "s3://encrypted/k", "--sse", "AES256", stdin=FILES["large"])
    equal(api("head-object", "--bucket", "encrypted", "--key", "k")["ServerSideEncryption"], "AES256", "head")
    same("s3://encrypted/k", FILES["large"])
    rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
    api("put-bucket-encryption", "--bucket", "encrypted", "--server-side-encryption-configuration", rules)
    aws("s3", "cp", "-", "s3://encrypted/by default", stdin=b"x")
    equal(api("head-object", "--bucket", "encrypted", "--key", "by default")["ServerSideEncryption"], "AES256", "by default")


def sse_c():
    """Encryption with keys that the requests bring."""
    pathlib.Path("key").write_bytes(b"m" * 32)
    key = ["--sse-c", "AES256", "--sse-c-key", "fileb://key"]
    aws("s3", "cp", "-", "s3://cli/sealed", *key, stdin=FILES["large"])
    equal(aws("s3", "cp", "s3://cli/sealed", "-", *key) == FILES["large"], True, "sealed")
    aws("s3", "cp", "s3://cli/sealed", "-", fails=True)
    wrong = ["--sse-customer-algorithm", "AES256", "--sse-customer-key", "o" * 32]  # which computes the MD5 itself
    refused("AccessDenied", "get-object", "--bucket", "cli", "--key", "sealed", *wrong, "no")


def sts():
    """A user gets a credential that may only read."""
    aws("s3", "cp", "-", "s3://cli/readable", stdin=b"x")
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::cli/*"}
    root = {name: os.environ[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    os.environ.update(AWS_ACCESS_KEY_ID=os.environ["STS_USER"], AWS_SECRET_ACCESS_KEY=os.environ["STS_SECRET"])
    got = json.loads(aws("sts", "assume-role", "--role-arn", "arn:aws:iam::123456789012:role/any", "--role-session-name", "walk",
                         "--policy", json.dumps({"Version": "2012-10-17", "Statement": [statement]})))["Credentials"]
    os.environ.update(AWS_ACCESS_KEY_ID=got["AccessKeyId"], AWS_SECRET_ACCESS_KEY=got["SecretAccessKey"], AWS_SESSION_TOKEN=got["SessionToken"])
    api("get-object", "--bucket", "cli", "--key", "readable", "read")
    refused("AccessDenied", "put-object", "--bucket", "cli", "--key", "no")
    del os.environ["AWS_SESSION_TOKEN"]
    os.environ.update(root)


pathlib.Path("config").write_text(CONFIG, encoding="utf-8")
os.environ["AWS_CONFIG_FILE"] = os.path.abspath("config")
fill("up")
aws("s3", "mb", "s3://cli")
aws("s3", "mb", "s3://other")
go([buckets, objects, listing, multipart, transfers, presigned, tags, versions, conditions, checksums, copies, policy, cors,
    notification, lock, sse_s3, sse_c, sts])
