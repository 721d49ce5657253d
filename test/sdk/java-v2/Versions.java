import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.BucketVersioningStatus;
import software.amazon.awssdk.services.s3.model.CompletedPart;
import software.amazon.awssdk.services.s3.model.ObjectIdentifier;
import software.amazon.awssdk.services.s3.model.ObjectLockEnabled;
import software.amazon.awssdk.services.s3.model.ObjectLockLegalHoldStatus;
import software.amazon.awssdk.services.s3.model.ObjectLockMode;
import software.amazon.awssdk.services.s3.model.ObjectLockRetentionMode;

/** Versions, conditions and object lock. */
final class Versions {
  private Versions() {}

  static void versions(S3Client client) throws Exception {
    String bucket = "versions", key = "k";
    client.createBucket(b -> b.bucket(bucket));
    Check.put(client, bucket, key, "null");
    switchTo(client, bucket, BucketVersioningStatus.ENABLED);
    String one = Check.put(client, bucket, key, "one"), two = Check.put(client, bucket, key, "two");
    Check.equal("latest", read(client, bucket, key, null), "two");
    Check.equal("versions", List.of(read(client, bucket, key, two), read(client, bucket, key, one), read(client, bucket, key, "null")),
        List.of("two", "one", "null"));

    var deleted = client.deleteObject(b -> b.bucket(bucket).key(key));
    Check.equal("delete marker", deleted.deleteMarker(), true);
    String marker = deleted.versionId();
    Check.refused("below a marker", "NoSuchKey", () -> read(client, bucket, key, null));
    Check.refused("head of a marker", 405, () -> client.headObject(b -> b.bucket(bucket).key(key).versionId(marker)));
    List<String> listed = new ArrayList<>();
    for (var page : client.listObjectVersionsPaginator(b -> b.bucket(bucket).maxKeys(2))) {
      page.deleteMarkers().forEach(m -> listed.add(m.versionId()));
      page.versions().forEach(v -> listed.add(v.versionId()));
    }
    Check.equal("listed", listed, List.of(marker, two, one, "null"));

    client.deleteObject(b -> b.bucket(bucket).key(key).versionId(marker));
    Check.equal("without the marker", read(client, bucket, key, null), "two");
    client.deleteObject(b -> b.bucket(bucket).key(key).versionId(two));
    Check.equal("without the latest", read(client, bucket, key, null), "one");
    Check.refused("a removed version", "NoSuchVersion", () -> read(client, bucket, key, two));
    client.copyObject(b -> b.sourceBucket(bucket).sourceKey(key).sourceVersionId("null").destinationBucket(bucket).destinationKey(key));
    Check.equal("an old one brought back", read(client, bucket, key, null), "null");

    switchTo(client, bucket, BucketVersioningStatus.SUSPENDED);
    Check.equal("version while suspended", Check.put(client, bucket, key, "suspended"), "null");
    Check.equal("others", List.of(read(client, bucket, key, "null"), read(client, bucket, key, one)), List.of("suspended", "one"));
    List<ObjectIdentifier> all = client.listObjectVersions(b -> b.bucket(bucket)).versions().stream()
        .map(v -> ObjectIdentifier.builder().key(v.key()).versionId(v.versionId()).build()).toList();
    var removed = client.deleteObjects(b -> b.bucket(bucket).delete(d -> d.objects(all)));
    Check.equal("removed", List.of(removed.deleted().size(), removed.errors().size()), List.of(3, 0));
    client.deleteBucket(b -> b.bucket(bucket));
  }

  private static String read(S3Client client, String bucket, String key, String version) {
    return Check.get(client, bucket, key, version).asUtf8String();
  }

  private static void switchTo(S3Client client, String bucket, BucketVersioningStatus status) {
    client.putBucketVersioning(b -> b.bucket(bucket).versioningConfiguration(c -> c.status(status)));
    Check.equal("versioning", client.getBucketVersioning(b -> b.bucket(bucket)).status(), status);
  }

  static void conditions(S3Client client) throws Exception {
    String bucket = Check.BUCKET, key = "once", wrong = "\"00000000000000000000000000000000\"";
    RequestBody body = RequestBody.fromString("x");
    Check.refused("if-match of nothing", "NoSuchKey", () -> client.putObject(b -> b.bucket(bucket).key(key).ifMatch(wrong), body));
    String etag = client.putObject(b -> b.bucket(bucket).key(key).ifNoneMatch("*"), body).eTag();
    Check.refused("if-none-match of what is there", "PreconditionFailed", () -> client.putObject(b -> b.bucket(bucket).key(key).ifNoneMatch("*"), body));
    Check.refused("if-match of another", "PreconditionFailed", () -> client.putObject(b -> b.bucket(bucket).key(key).ifMatch(wrong), body));
    client.putObject(b -> b.bucket(bucket).key(key).ifMatch(etag), body);
    Check.refused("get another", 412, () -> client.getObjectAsBytes(b -> b.bucket(bucket).key(key).ifMatch(wrong)));
    Check.refused("get the same", 304, () -> client.getObjectAsBytes(b -> b.bucket(bucket).key(key).ifNoneMatch(etag)));

    String id = client.createMultipartUpload(b -> b.bucket(bucket).key(key)).uploadId();
    var part = client.uploadPart(b -> b.bucket(bucket).key(key).uploadId(id).partNumber(1), RequestBody.fromString("y"));
    CompletedPart done = CompletedPart.builder().partNumber(1).eTag(part.eTag()).checksumCRC32(part.checksumCRC32()).build();
    Check.refused("complete over what is there", "PreconditionFailed", () -> client.completeMultipartUpload(
        b -> b.bucket(bucket).key(key).uploadId(id).ifNoneMatch("*").multipartUpload(u -> u.parts(done))));
    client.completeMultipartUpload(b -> b.bucket(bucket).key(key).uploadId(id).ifMatch(etag).multipartUpload(u -> u.parts(done)));
    Check.equal("completed", read(client, bucket, key, null), "y");
    Check.refused("delete another", "PreconditionFailed", () -> client.deleteObject(b -> b.bucket(bucket).key(key).ifMatch(wrong)));
    client.deleteObject(b -> b.bucket(bucket).key(key).ifMatch("*"));
  }

  /** A default retention, retention in both modes, and a legal hold. */
  static void lock(S3Client client) throws Exception {
    String bucket = "locked", key = "k";
    client.createBucket(b -> b.bucket(bucket).objectLockEnabledForBucket(true));
    client.putObjectLockConfiguration(b -> b.bucket(bucket).objectLockConfiguration(c -> c.objectLockEnabled(ObjectLockEnabled.ENABLED)
        .rule(r -> r.defaultRetention(d -> d.mode(ObjectLockRetentionMode.GOVERNANCE).days(1)))));
    Check.equal("days", client.getObjectLockConfiguration(b -> b.bucket(bucket)).objectLockConfiguration().rule().defaultRetention().days(), 1);
    String first = Check.put(client, bucket, key, "kept");
    Check.equal("default mode", client.headObject(b -> b.bucket(bucket).key(key)).objectLockMode(), ObjectLockMode.GOVERNANCE);
    Check.refused("remove under governance", "AccessDenied", () -> remove(client, bucket, key, first, false));
    hold(client, bucket, key, ObjectLockLegalHoldStatus.ON);
    Check.refused("remove under a hold", "AccessDenied", () -> remove(client, bucket, key, first, true));
    hold(client, bucket, key, ObjectLockLegalHoldStatus.OFF);
    remove(client, bucket, key, first, true);

    Instant until = Instant.now().plusSeconds(3600).truncatedTo(ChronoUnit.SECONDS);
    String second = client.putObject(b -> b.bucket(bucket).key(key).objectLockMode(ObjectLockMode.COMPLIANCE).objectLockRetainUntilDate(until),
        RequestBody.fromString("kept")).versionId();
    var retention = client.getObjectRetention(b -> b.bucket(bucket).key(key)).retention();
    Check.equal("retention", List.of(retention.mode(), retention.retainUntilDate()), List.of(ObjectLockRetentionMode.COMPLIANCE, until));
    Check.refused("remove under compliance", "AccessDenied", () -> remove(client, bucket, key, second, true));
    Check.refused("shorten compliance", "AccessDenied", () -> extend(client, bucket, key, until.minusSeconds(60)));
    extend(client, bucket, key, until.plusSeconds(60));
    Check.equal("a marker above it", client.deleteObject(b -> b.bucket(bucket).key(key)).deleteMarker(), true);
    Check.equal("still there", read(client, bucket, key, second), "kept");
  }

  private static void remove(S3Client client, String bucket, String key, String version, boolean bypass) {
    client.deleteObject(b -> b.bucket(bucket).key(key).versionId(version).bypassGovernanceRetention(bypass));
  }

  private static void hold(S3Client client, String bucket, String key, ObjectLockLegalHoldStatus status) {
    client.putObjectLegalHold(b -> b.bucket(bucket).key(key).legalHold(h -> h.status(status)));
    Check.equal("legal hold", client.getObjectLegalHold(b -> b.bucket(bucket).key(key)).legalHold().status(), status);
  }

  private static void extend(S3Client client, String bucket, String key, Instant until) {
    client.putObjectRetention(b -> b.bucket(bucket).key(key).retention(r -> r.mode(ObjectLockRetentionMode.COMPLIANCE).retainUntilDate(until)));
  }
}
