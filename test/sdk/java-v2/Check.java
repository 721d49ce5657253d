import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Objects;
import java.util.Random;
import software.amazon.awssdk.core.ResponseBytes;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.S3ClientBuilder;
import software.amazon.awssdk.services.s3.model.GetObjectResponse;

/** What the steps share: the client, assertions, and plain HTTP requests. */
final class Check {
  static final URI ENDPOINT = URI.create(System.getenv("ENDPOINT"));
  static final String BUCKET = "walk";
  static final int MIB = 1 << 20;

  /** The least that S3 takes of a part that is not the last. */
  static final int PART = 5 * MIB;

  private Check() {}

  /** Credential and region come from the environment, authorities from the JVM's trust store. */
  static S3ClientBuilder builder() {
    return S3Client.builder()
        .endpointOverride(ENDPOINT)
        .forcePathStyle(true)
        .overrideConfiguration(c -> c.retryStrategy(s -> s.maxAttempts(1)));
  }

  static S3Client client() {
    return builder().build();
  }

  static void equal(String what, Object got, Object want) {
    if (!Objects.equals(got, want)) {
      throw new AssertionError(what + ": " + got + ", want " + want);
    }
  }

  /** Compares large bodies without printing them. */
  static void same(String what, byte[] got, byte[] want) {
    if (!Arrays.equals(got, want)) {
      throw new AssertionError(what + ": " + got.length + " bytes that are not the " + want.length + " sent");
    }
  }

  interface Call {
    void go() throws Exception;
  }

  /** Wants a call to fail with this code, or, of an answer without a body, with this status. */
  static void refused(String what, Object want, Call call) throws Exception {
    try {
      call.go();
    } catch (AwsServiceException e) {
      equal(what, want instanceof Integer ? (Object) e.statusCode() : e.awsErrorDetails().errorCode(), want);
      return;
    }
    throw new AssertionError(what + " succeeded, want " + want);
  }

  /** Bytes without repetition, the same in every run. */
  static byte[] noise(int size) {
    byte[] data = new byte[size];
    new Random(size).nextBytes(data);
    return data;
  }

  static byte[] join(byte[]... all) {
    byte[] joined = new byte[Arrays.stream(all).mapToInt(b -> b.length).sum()];
    int at = 0;
    for (byte[] one : all) {
      System.arraycopy(one, 0, joined, at, one.length);
      at += one.length;
    }
    return joined;
  }

  /** Stores an object and returns its version, if it has one. */
  static String put(S3Client client, String bucket, String key, byte[] body) {
    return client.putObject(b -> b.bucket(bucket).key(key), RequestBody.fromBytes(body)).versionId();
  }

  static String put(S3Client client, String bucket, String key, String body) {
    return put(client, bucket, key, body.getBytes(StandardCharsets.UTF_8));
  }

  /** Reads an object; without a version it is the latest. */
  static ResponseBytes<GetObjectResponse> get(S3Client client, String bucket, String key, String version) {
    return client.getObjectAsBytes(b -> b.bucket(bucket).key(key).versionId(version));
  }

  static ResponseBytes<GetObjectResponse> get(S3Client client, String bucket, String key) {
    return get(client, bucket, key, null);
  }

  /** Sends a request without a signature of its own. */
  static HttpResponse<String> fetch(String method, URI url, String body, String... headers) throws Exception {
    HttpRequest.Builder request = HttpRequest.newBuilder(url).method(method, HttpRequest.BodyPublishers.ofString(body));
    if (headers.length > 0) {
      request.headers(headers);
    }
    return HttpClient.newHttpClient().send(request.build(), BodyHandlers.ofString());
  }
}
