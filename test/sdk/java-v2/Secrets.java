import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.ResponseBytes;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.CompletedPart;
import software.amazon.awssdk.services.s3.model.GetObjectResponse;
import software.amazon.awssdk.services.s3.model.ServerSideEncryption;
import software.amazon.awssdk.services.sts.StsClient;
import software.amazon.awssdk.services.sts.auth.StsAssumeRoleCredentialsProvider;

/** Encryption and temporary credentials. */
final class Secrets {
  private Secrets() {}

  /** Encryption with keys of the server, asked for by the upload and by the bucket's default. */
  static void serverKeys(S3Client client) {
    String bucket = "encrypted";
    byte[] body = Check.noise(2 * Check.MIB);
    client.createBucket(b -> b.bucket(bucket));
    var put = client.putObject(b -> b.bucket(bucket).key("k").serverSideEncryption(ServerSideEncryption.AES256), RequestBody.fromBytes(body));
    Check.equal("put", put.serverSideEncryption(), ServerSideEncryption.AES256);
    var part = client.getObjectAsBytes(b -> b.bucket(bucket).key("k").range("bytes=100000-199999"));
    Check.same("range", part.asByteArray(), Arrays.copyOfRange(body, 100_000, 200_000));
    Check.equal("told", part.response().serverSideEncryption(), ServerSideEncryption.AES256);
    client.putBucketEncryption(b -> b.bucket(bucket).serverSideEncryptionConfiguration(c -> c.rules(
        r -> r.applyServerSideEncryptionByDefault(d -> d.sseAlgorithm(ServerSideEncryption.AES256)))));
    var rule = client.getBucketEncryption(b -> b.bucket(bucket)).serverSideEncryptionConfiguration().rules().get(0);
    Check.equal("default", rule.applyServerSideEncryptionByDefault().sseAlgorithm(), ServerSideEncryption.AES256);
    Check.put(client, bucket, "by default", body);
    var head = client.headObject(b -> b.bucket(bucket).key("by default"));
    Check.equal("by default", List.of(head.serverSideEncryption(), head.contentLength()), List.of(ServerSideEncryption.AES256, (long) body.length));
    client.copyObject(b -> b.sourceBucket(bucket).sourceKey("k").destinationBucket(Check.BUCKET).destinationKey("in the clear"));
    Check.same("copy", Check.get(client, Check.BUCKET, "in the clear").asByteArray(), body);
    client.deleteBucketEncryption(b -> b.bucket(bucket));
  }

  /** A key as the headers want it. */
  record Key(String value, String digest) {
    static Key of(char fill) throws Exception {
      byte[] key = new byte[32];
      Arrays.fill(key, (byte) fill);
      Base64.Encoder base64 = Base64.getEncoder();
      return new Key(base64.encodeToString(key), base64.encodeToString(MessageDigest.getInstance("MD5").digest(key)));
    }
  }

  private static final String AES = "AES256";

  private static ResponseBytes<GetObjectResponse> open(S3Client client, String object, Key key, String range) {
    return client.getObjectAsBytes(b -> b.bucket(Check.BUCKET).key(object).range(range)
        .sseCustomerAlgorithm(AES).sseCustomerKey(key.value()).sseCustomerKeyMD5(key.digest()));
  }

  /** Encryption with keys that the requests bring. */
  static void customerKeys(S3Client client) throws Exception {
    String bucket = Check.BUCKET;
    Key mine = Key.of('m'), other = Key.of('o');
    byte[] body = Check.noise(2 * Check.MIB);
    client.putObject(b -> b.bucket(bucket).key("sealed").sseCustomerAlgorithm(AES).sseCustomerKey(mine.value()).sseCustomerKeyMD5(mine.digest()),
        RequestBody.fromBytes(body));
    Check.refused("without the key", "InvalidRequest", () -> Check.get(client, bucket, "sealed"));
    Check.refused("with another key", "AccessDenied", () -> open(client, "sealed", other, null));
    Check.same("whole", open(client, "sealed", mine, null).asByteArray(), body);
    Check.same("range", open(client, "sealed", mine, "bytes=65530-65550").asByteArray(), Arrays.copyOfRange(body, 65_530, 65_551));
    client.copyObject(b -> b.sourceBucket(bucket).sourceKey("sealed").destinationBucket(bucket).destinationKey("resealed")
        .copySourceSSECustomerAlgorithm(AES).copySourceSSECustomerKey(mine.value()).copySourceSSECustomerKeyMD5(mine.digest())
        .sseCustomerAlgorithm(AES).sseCustomerKey(other.value()).sseCustomerKeyMD5(other.digest()));
    Check.same("copy under another key", open(client, "resealed", other, null).asByteArray(), body);

    String key = "sealed parts";
    String id = client.createMultipartUpload(b -> b.bucket(bucket).key(key)
        .sseCustomerAlgorithm(AES).sseCustomerKey(mine.value()).sseCustomerKeyMD5(mine.digest())).uploadId();
    List<CompletedPart> parts = new ArrayList<>();
    for (byte[] data : List.of(Check.noise(Check.PART), body)) {
      int number = parts.size() + 1;
      var part = client.uploadPart(b -> b.bucket(bucket).key(key).uploadId(id).partNumber(number)
          .sseCustomerAlgorithm(AES).sseCustomerKey(mine.value()).sseCustomerKeyMD5(mine.digest()), RequestBody.fromBytes(data));
      parts.add(CompletedPart.builder().partNumber(number).eTag(part.eTag()).checksumCRC32(part.checksumCRC32()).build());
    }
    client.completeMultipartUpload(b -> b.bucket(bucket).key(key).uploadId(id).multipartUpload(u -> u.parts(parts)));
    Check.same("parts", open(client, key, mine, null).asByteArray(), Check.join(Check.noise(Check.PART), body));
  }

  /** A user's program gets a credential that may only read, by the provider that refreshes it. */
  static void temporaryCredentials(S3Client client) throws Exception {
    Check.put(client, Check.BUCKET, "readable", "x");
    var user = StaticCredentialsProvider.create(AwsBasicCredentials.create(System.getenv("STS_USER"), System.getenv("STS_SECRET")));
    String policy = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"s3:GetObject\",\"Resource\":\"arn:aws:s3:::"
        + Check.BUCKET + "/*\"}]}";
    try (StsClient sts = StsClient.builder().endpointOverride(Check.ENDPOINT).credentialsProvider(user).build();
        StsAssumeRoleCredentialsProvider role = StsAssumeRoleCredentialsProvider.builder().stsClient(sts)
            .refreshRequest(r -> r.roleArn("arn:aws:iam::123456789012:role/any").roleSessionName("walk").policy(policy)).build();
        S3Client assumed = Check.builder().credentialsProvider(role).build()) {
      Check.equal("read", Check.get(assumed, Check.BUCKET, "readable").asUtf8String(), "x");
      Check.refused("write", "AccessDenied", () -> Check.put(assumed, Check.BUCKET, "no", ""));
    }
  }
}
