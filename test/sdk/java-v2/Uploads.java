import java.io.ByteArrayInputStream;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import software.amazon.awssdk.core.async.AsyncRequestBody;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.S3AsyncClient;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.S3Configuration;
import software.amazon.awssdk.services.s3.model.ChecksumAlgorithm;
import software.amazon.awssdk.services.s3.model.ChecksumMode;
import software.amazon.awssdk.services.s3.model.ChecksumType;
import software.amazon.awssdk.services.s3.model.CompletedPart;
import software.amazon.awssdk.services.s3.model.ObjectAttributes;
import software.amazon.awssdk.services.s3.presigner.S3Presigner;
import software.amazon.awssdk.transfer.s3.S3TransferManager;

/** Uploads in parts, checksums and presigned requests. */
final class Uploads {
  private Uploads() {}

  /** Uploads in parts, breaks off, and goes on with what is listed. */
  static void multipart(S3Client client) throws Exception {
    String key = "in parts/ü b", bucket = Check.BUCKET;
    byte[][] bodies = {Check.noise(Check.PART), Check.noise(Check.PART + 1), Check.noise(Check.PART + 2), "end".getBytes()};
    String id = client.createMultipartUpload(b -> b.bucket(bucket).key(key).metadata(Map.of("color", "red"))).uploadId();
    upload(client, key, id, 1, bodies[0]);
    upload(client, key, id, 3, bodies[2]);
    var underWay = client.listMultipartUploads(b -> b.bucket(bucket)).uploads().get(0);
    Check.equal("upload under way", List.of(underWay.key(), underWay.uploadId()), List.of(key, id));
    Check.equal("parts so far", list(client, key, id).stream().map(CompletedPart::partNumber).toList(), List.of(1, 3));
    upload(client, key, id, 2, bodies[1]);
    upload(client, key, id, 4, bodies[3]);
    List<CompletedPart> parts = list(client, key, id);
    client.completeMultipartUpload(b -> b.bucket(bucket).key(key).uploadId(id).multipartUpload(u -> u.parts(parts)));
    Check.same("all parts", Check.get(client, bucket, key).asByteArray(), Check.join(bodies));
    var second = client.getObjectAsBytes(b -> b.bucket(bucket).key(key).partNumber(2));
    Check.same("second part", second.asByteArray(), bodies[1]);
    Check.equal("of parts", List.of(second.response().partsCount(), second.response().metadata().get("color")), List.of(4, "red"));

    String aborted = client.createMultipartUpload(b -> b.bucket(bucket).key(key)).uploadId();
    upload(client, key, aborted, 1, bodies[0]);
    client.abortMultipartUpload(b -> b.bucket(bucket).key(key).uploadId(aborted));
    Check.refused("aborted", "NoSuchUpload", () -> client.listParts(b -> b.bucket(bucket).key(key).uploadId(aborted)));

    String copying = client.createMultipartUpload(b -> b.bucket(bucket).key("copied parts")).uploadId();
    var copied = client.uploadPartCopy(b -> b.sourceBucket(bucket).sourceKey(key).copySourceRange("bytes=5242880-10485760")
        .destinationBucket(bucket).destinationKey("copied parts").uploadId(copying).partNumber(1)).copyPartResult();
    client.completeMultipartUpload(b -> b.bucket(bucket).key("copied parts").uploadId(copying).multipartUpload(
        u -> u.parts(CompletedPart.builder().partNumber(1).eTag(copied.eTag()).checksumCRC32(copied.checksumCRC32()).build())));
    Check.same("copied part", Check.get(client, bucket, "copied parts").asByteArray(), bodies[1]);
    Check.equal("uploads left", client.listMultipartUploads(b -> b.bucket(bucket)).uploads().size(), 0);
  }

  private static void upload(S3Client client, String key, String id, int number, byte[] body) {
    client.uploadPart(b -> b.bucket(Check.BUCKET).key(key).uploadId(id).partNumber(number), RequestBody.fromBytes(body));
  }

  private static List<CompletedPart> list(S3Client client, String key, String id) {
    List<CompletedPart> parts = new ArrayList<>();
    for (var p : client.listPartsPaginator(b -> b.bucket(Check.BUCKET).key(key).uploadId(id).maxParts(1)).parts()) {
      parts.add(CompletedPart.builder().partNumber(p.partNumber()).eTag(p.eTag()).checksumCRC32(p.checksumCRC32()).build());
    }
    return parts;
  }

  /** The SDK's own transfers of large objects: of files, and of a stream whose length is not known. */
  static void transfers(S3Client client) throws Exception {
    byte[] data = Check.noise(3 * Check.PART + 12_345);
    Path up = Files.createTempFile("up", null), down = Files.createTempFile("down", null);
    Files.write(up, data);
    try (S3AsyncClient async = S3AsyncClient.builder().endpointOverride(Check.ENDPOINT).forcePathStyle(true).multipartEnabled(true)
            .multipartConfiguration(m -> m.minimumPartSizeInBytes((long) Check.PART).thresholdInBytes((long) Check.PART)).build();
        S3TransferManager manager = S3TransferManager.builder().s3Client(async).build()) {
      manager.uploadFile(u -> u.source(up).putObjectRequest(p -> p.bucket(Check.BUCKET).key("file"))).completionFuture().join();
      manager.downloadFile(d -> d.destination(down).getObjectRequest(g -> g.bucket(Check.BUCKET).key("file"))).completionFuture().join();
      Check.same("file", Files.readAllBytes(down), data);
      var stream = AsyncRequestBody.forBlockingInputStream(null);
      var done = manager.upload(u -> u.requestBody(stream).putObjectRequest(p -> p.bucket(Check.BUCKET).key("stream"))).completionFuture();
      stream.writeInputStream(new ByteArrayInputStream(data));
      done.join();
      Check.same("stream", Check.get(client, Check.BUCKET, "stream").asByteArray(), data);
      for (String key : List.of("file", "stream")) {
        Check.equal("in parts", client.headObject(b -> b.bucket(Check.BUCKET).key(key)).eTag().endsWith("-4\""), true);
      }
      manager.copy(c -> c.copyObjectRequest(r -> r.sourceBucket(Check.BUCKET).sourceKey("file").destinationBucket(Check.BUCKET).destinationKey("copied file")))
          .completionFuture().join();
      Check.same("copy in parts", Check.get(client, Check.BUCKET, "copied file").asByteArray(), data);
    }
  }

  /** What the SDK sends unasked, what it can be asked for, and that a wrong one is refused. */
  static void checksums(S3Client client) throws Exception {
    String bucket = Check.BUCKET, key = "summed", body = "123456789";
    Map<ChecksumAlgorithm, String> sums = Map.of(
        ChecksumAlgorithm.CRC32, "y/Q5Jg==", ChecksumAlgorithm.CRC32_C, "4waSgw==",
        ChecksumAlgorithm.SHA1, "98O8HYCOBHMq32eZZczDTKeuNEE=", ChecksumAlgorithm.SHA256, "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=");
    List<ChecksumAlgorithm> asked = new ArrayList<>(sums.keySet());
    asked.add(null);
    for (ChecksumAlgorithm algorithm : asked) {
      client.putObject(b -> b.bucket(bucket).key(key).checksumAlgorithm(algorithm), RequestBody.fromString(body));
      var head = client.headObject(b -> b.bucket(bucket).key(key).checksumMode(ChecksumMode.ENABLED));
      List<String> told = Arrays.asList(head.checksumCRC32(), head.checksumCRC32C(), head.checksumSHA1(), head.checksumSHA256());
      String want = sums.get(algorithm == null ? ChecksumAlgorithm.CRC32 : algorithm);
      Check.equal("checksum " + algorithm, told.stream().filter(s -> s != null).toList(), List.of(want));
      Check.equal("type", head.checksumType(), ChecksumType.FULL_OBJECT);
      Check.get(client, bucket, key); // the SDK compares
    }
    Check.refused("a wrong checksum", "BadDigest",
        () -> client.putObject(b -> b.bucket(bucket).key(key).checksumCRC32("AAAAAA=="), RequestBody.fromString(body)));

    // A stream whose length is known is sent once, with its checksum behind it.
    byte[] data = Check.noise(3 * Check.MIB);
    client.putObject(b -> b.bucket(bucket).key("streamed"), RequestBody.fromInputStream(new ByteArrayInputStream(data), data.length));
    Check.same("streamed", Check.get(client, bucket, "streamed").asByteArray(), data);

    String id = client.createMultipartUpload(b -> b.bucket(bucket).key(key)
        .checksumAlgorithm(ChecksumAlgorithm.CRC32).checksumType(ChecksumType.FULL_OBJECT)).uploadId();
    upload(client, key, id, 1, Check.noise(Check.PART));
    upload(client, key, id, 2, body.getBytes());
    List<CompletedPart> parts = list(client, key, id);
    String sum = client.completeMultipartUpload(b -> b.bucket(bucket).key(key).uploadId(id)
        .checksumType(ChecksumType.FULL_OBJECT).multipartUpload(u -> u.parts(parts))).checksumCRC32();
    var seen = client.getObjectAttributes(b -> b.bucket(bucket).key(key)
        .objectAttributes(ObjectAttributes.CHECKSUM, ObjectAttributes.OBJECT_PARTS, ObjectAttributes.OBJECT_SIZE));
    Check.equal("attributes", List.of(seen.objectSize(), seen.objectParts().totalPartsCount(), seen.checksum().checksumCRC32()),
        List.of((long) Check.PART + body.length(), 2, sum));
    Check.get(client, bucket, key);
  }

  static void presigned(S3Client client) throws Exception {
    String bucket = Check.BUCKET, key = "pre signed+ü";
    Duration minute = Duration.ofMinutes(1);
    try (S3Presigner presigner = S3Presigner.builder().s3Client(client).endpointOverride(Check.ENDPOINT)
        .serviceConfiguration(S3Configuration.builder().pathStyleAccessEnabled(true).build()).build()) {
      URI up = presigner.presignPutObject(p -> p.signatureDuration(minute).putObjectRequest(r -> r.bucket(bucket).key(key).contentType("text/x"))).url().toURI();
      Check.equal("put", Check.fetch("PUT", up, "hello", "Content-Type", "text/x").statusCode(), 200);
      URI down = presigner.presignGetObject(p -> p.signatureDuration(minute)
          .getObjectRequest(r -> r.bucket(bucket).key(key).responseContentDisposition("attachment; filename=a b.txt"))).url().toURI();
      var got = Check.fetch("GET", down, "");
      Check.equal("get", List.of(got.body(), got.headers().firstValue("content-type").get(), got.headers().firstValue("content-disposition").get()),
          List.of("hello", "text/x", "attachment; filename=a b.txt"));
      var other = Check.fetch("GET", URI.create(down.toString().replace("pre%20signed", "pre%20Signed")), "");
      Check.equal("another key", List.of(other.statusCode(), other.body().contains("SignatureDoesNotMatch")), List.of(403, true));
      URI remove = presigner.presignDeleteObject(p -> p.signatureDuration(minute).deleteObjectRequest(r -> r.bucket(bucket).key(key))).url().toURI();
      Check.equal("delete", Check.fetch("DELETE", remove, "").statusCode(), 204);
    }
  }
}
