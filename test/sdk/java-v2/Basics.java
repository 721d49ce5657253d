import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.HeadObjectResponse;
import software.amazon.awssdk.services.s3.model.MetadataDirective;
import software.amazon.awssdk.services.s3.model.ObjectIdentifier;
import software.amazon.awssdk.services.s3.model.S3Object;

/** Buckets, objects, listings and copies. */
final class Basics {
  private Basics() {}

  static void buckets(S3Client client) throws Exception {
    String made = "made";
    client.createBucket(b -> b.bucket(made));
    Check.refused("make it again", "BucketAlreadyOwnedByYou", () -> client.createBucket(b -> b.bucket(made)));
    client.headBucket(b -> b.bucket(made));
    Check.equal("listed", client.listBuckets().buckets().stream().anyMatch(b -> b.name().equals(made) && b.creationDate() != null), true);
    Check.put(client, made, "k", "");
    Check.refused("remove it with an object", "BucketNotEmpty", () -> client.deleteBucket(b -> b.bucket(made)));
    client.deleteObject(b -> b.bucket(made).key("k"));
    client.deleteBucket(b -> b.bucket(made));
    Check.refused("head what is gone", 404, () -> client.headBucket(b -> b.bucket(made)));
  }

  static void objects(S3Client client) throws Exception {
    String key = "object", body = "the quick brown fox";
    String etag = client.putObject(
        b -> b.bucket(Check.BUCKET).key(key).contentType("text/x").cacheControl("no-store").metadata(Map.of("color", "red")),
        RequestBody.fromString(body)).eTag();
    HeadObjectResponse head = client.headObject(b -> b.bucket(Check.BUCKET).key(key));
    Check.equal("head", List.of(head.contentLength(), head.eTag(), head.contentType(), head.cacheControl(), head.metadata().get("color")),
        List.of((long) body.length(), etag, "text/x", "no-store", "red"));
    Check.equal("body", Check.get(client, Check.BUCKET, key).asUtf8String(), body);
    Map.of("bytes=4-8", "quick", "bytes=16-", "fox", "bytes=-3", "fox", "bytes=16-99", "fox").forEach((range, want) ->
        Check.equal(range, client.getObjectAsBytes(b -> b.bucket(Check.BUCKET).key(key).range(range)).asUtf8String(), want));
    Check.refused("a range beyond the end", "InvalidRange", () -> client.getObjectAsBytes(b -> b.bucket(Check.BUCKET).key(key).range("bytes=19-")));
    Check.refused("no such key", "NoSuchKey", () -> Check.get(client, Check.BUCKET, "none"));
    for (int size : new int[] {0, 1, 70_000, 3 * Check.MIB}) {
      Check.put(client, Check.BUCKET, "sized", Check.noise(size));
      Check.same("sized", Check.get(client, Check.BUCKET, "sized").asByteArray(), Check.noise(size));
    }
    var removed = client.deleteObjects(b -> b.bucket(Check.BUCKET).delete(d -> d.objects(identifiers(key, "sized", "never there"))));
    Check.equal("removed", List.of(removed.deleted().size(), removed.errors().size()), List.of(3, 0));
    Check.refused("head what is gone", 404, () -> client.headObject(b -> b.bucket(Check.BUCKET).key(key)));
  }

  static List<ObjectIdentifier> identifiers(String... keys) {
    return Arrays.stream(keys).map(k -> ObjectIdentifier.builder().key(k).build()).toList();
  }

  /** What proxies, encodings and signatures stumble over, in order. */
  private static final String[] ODD_KEYS = {
    "a b", "a%20b", "a%b", "a&b=c?d#e", "a'b\"c", "a+b", "a//b", "a;b:c@d,e", "a<b>c", "a~b!c*(d)$", "dir/one",
    "dir/sub/three", "dir/sub/two", "emoji \uD83D\uDE00", "line\nbreak", "trailing/", "über/ä", "日本語",
  };

  static void listing(S3Client client) {
    String bucket = "listed";
    client.createBucket(b -> b.bucket(bucket));
    for (String key : ODD_KEYS) {
      Check.put(client, bucket, key, key);
    }
    for (int size : new int[] {1, 3, 1000}) {
      List<String> got = new ArrayList<>();
      for (S3Object o : client.listObjectsV2Paginator(b -> b.bucket(bucket).maxKeys(size)).contents()) {
        got.add(o.key());
      }
      Check.equal("keys", got, List.of(ODD_KEYS));
    }
    for (String key : ODD_KEYS) {
      Check.equal(key, Check.get(client, bucket, key).asUtf8String(), key);
    }
    var folder = client.listObjectsV2(b -> b.bucket(bucket).delimiter("/").prefix("dir/"));
    Check.equal("within dir", List.of(folder.contents().get(0).key(), folder.commonPrefixes().get(0).prefix()), List.of("dir/one", "dir/sub/"));
    // The SDK asks for encoded keys and decodes them.
    Check.equal("first version of the listing", client.listObjects(b -> b.bucket(bucket).prefix("über/")).contents().get(0).key(), "über/ä");
    var removed = client.deleteObjects(b -> b.bucket(bucket).delete(d -> d.quiet(true).objects(identifiers(ODD_KEYS))));
    Check.equal("removed quietly", removed.deleted().size() + removed.errors().size(), 0);
    client.deleteBucket(b -> b.bucket(bucket));
  }

  static void copies(S3Client client) throws Exception {
    String source = "über a+b%.txt";
    byte[] body = Check.noise(100_000);
    client.putObject(b -> b.bucket(Check.BUCKET).key(source).metadata(Map.of("color", "red")), RequestBody.fromBytes(body));
    client.copyObject(b -> b.sourceBucket(Check.BUCKET).sourceKey(source).destinationBucket(Check.BUCKET).destinationKey("copy"));
    var got = Check.get(client, Check.BUCKET, "copy");
    Check.same("copy", got.asByteArray(), body);
    Check.equal("metadata of the copy", got.response().metadata().get("color"), "red");
    client.copyObject(b -> b.sourceBucket(Check.BUCKET).sourceKey(source).destinationBucket(Check.BUCKET).destinationKey("copy")
        .metadataDirective(MetadataDirective.REPLACE).metadata(Map.of("color", "blue")));
    Check.equal("metadata replaced", client.headObject(b -> b.bucket(Check.BUCKET).key("copy")).metadata().get("color"), "blue");
    Check.refused("copy onto itself", "InvalidRequest", () -> client.copyObject(
        b -> b.sourceBucket(Check.BUCKET).sourceKey(source).destinationBucket(Check.BUCKET).destinationKey(source)));
    Check.refused("copy what it is not", "PreconditionFailed", () -> client.copyObject(
        b -> b.sourceBucket(Check.BUCKET).sourceKey(source).destinationBucket(Check.BUCKET).destinationKey("copy").copySourceIfMatch("\"0\"")));
  }
}
