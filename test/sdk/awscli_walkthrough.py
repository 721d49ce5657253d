"""What users of awscli type: files, streams and folders, there, about and back.

Run by TestAWSCLI with the endpoint and the credential in the environment, in a
folder of its own. A failed assertion ends it.
"""

import hashlib
import json
import os
import pathlib
import subprocess
import sys
import urllib.request

MIB = 1 << 20
CONFIG = """
[default]
region = us-east-1
s3 =
    multipart_threshold = 5MB
    multipart_chunksize = 5MB
    addressing_style = path
    signature_version = s3v4
"""


def noise(size):
    """size bytes without repetition, the same in every run."""
    return hashlib.shake_128(size.to_bytes(8, "big")).digest(size)


SIZES = {"empty": 0, "small": 100, "blob": 100_000, "large": 12 * MIB + 7}
FILES = {name: noise(size) for name, size in SIZES.items()}


def aws(*words, stdin=None, fails=False):
    """Types a command and returns its stdout."""
    command = [sys.executable, "-m", "awscli", "--endpoint-url", os.environ["ENDPOINT"], *words]
    done = subprocess.run(command, input=stdin, capture_output=True, check=False)
    if (done.returncode != 0) != fails:
        raise AssertionError(f"aws {' '.join(words)}: exit {done.returncode}\n{done.stdout!r:.500}\n{done.stderr.decode()}")
    return done.stderr if fails else done.stdout


def equal(got, want, what):
    if got != want:
        raise AssertionError(f"{what}: {got!r:.200}, want {want!r:.200}")


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


def single_files():
    fill("up")
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


def streams():
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


def single_calls():
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
    url = aws("s3", "presign", "s3://cli/large", "--expires-in", "60").decode().strip()
    with urllib.request.urlopen(url) as answer:
        equal(answer.read(), FILES["large"], "presigned")


def main():
    pathlib.Path("config").write_text(CONFIG, encoding="utf-8")
    os.environ["AWS_CONFIG_FILE"] = os.path.abspath("config")
    aws("s3", "mb", "s3://cli")
    aws("s3", "mb", "s3://other")
    for step in (single_files, streams, copies_and_moves, folders, single_calls):
        print(step.__name__, flush=True)
        step()
    uploads = aws("s3api", "list-multipart-uploads", "--bucket", "cli", "--query", "Uploads").decode().strip()
    equal(uploads, "null", "uploads under way")
    aws("s3", "rb", "--force", "s3://cli")
    aws("s3", "rb", "--force", "s3://other")
    equal(aws("s3", "ls"), b"", "buckets")


main()
