import java.net.URI;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.CORSRule;
import software.amazon.awssdk.services.s3.model.Event;
import software.amazon.awssdk.services.s3.model.FilterRuleName;
import software.amazon.awssdk.services.s3.model.Tag;

/** Tags, policies, CORS and notification. */
final class Configuration {
  private Configuration() {}

  private static Map<String, String> tagsOf(S3Client client, String key) {
    return client.getObjectTagging(b -> b.bucket(Check.BUCKET).key(key)).tagSet().stream().collect(Collectors.toMap(Tag::key, Tag::value));
  }

  private static Tag tag(String key, String value) {
    return Tag.builder().key(key).value(value).build();
  }

  static void tags(S3Client client) throws Exception {
    String bucket = Check.BUCKET, key = "tagged";
    client.putObject(b -> b.bucket(bucket).key(key).tagging("color=dark%20red&size=1"), RequestBody.empty());
    Check.equal("tags of the upload", tagsOf(client, key), Map.of("color", "dark red", "size", "1"));
    Check.equal("count", client.getObject(b -> b.bucket(bucket).key(key)).response().tagCount(), 2);
    client.putObjectTagging(b -> b.bucket(bucket).key(key).tagging(t -> t.tagSet(tag("Ünit", "a+b"))));
    Check.equal("tags put", tagsOf(client, key), Map.of("Ünit", "a+b"));
    Check.refused("a key twice", "InvalidTag",
        () -> client.putObjectTagging(b -> b.bucket(bucket).key(key).tagging(t -> t.tagSet(tag("k", "1"), tag("k", "2")))));
    client.deleteObjectTagging(b -> b.bucket(bucket).key(key));
    Check.equal("tags removed", tagsOf(client, key), Map.of());
    client.putBucketTagging(b -> b.bucket(bucket).tagging(t -> t.tagSet(tag("team", "blue"))));
    Check.equal("tag of the bucket", client.getBucketTagging(b -> b.bucket(bucket)).tagSet(), List.of(tag("team", "blue")));
    client.deleteBucketTagging(b -> b.bucket(bucket));
    Check.refused("no tags", "NoSuchTagSet", () -> client.getBucketTagging(b -> b.bucket(bucket)));
  }

  private static int anonymous(String key) throws Exception {
    return Check.fetch("GET", URI.create(Check.ENDPOINT + "/public/" + key), "").statusCode();
  }

  static void policy(S3Client client) throws Exception {
    String bucket = "public";
    client.createBucket(b -> b.bucket(bucket));
    Check.put(client, bucket, "open/k", "for all");
    Check.put(client, bucket, "closed", "for some");
    Check.equal("before", anonymous("open/k"), 403);
    Check.refused("no policy", "NoSuchBucketPolicy", () -> client.getBucketPolicy(b -> b.bucket(bucket)));
    client.putBucketPolicy(b -> b.bucket(bucket).policy("""
        {"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::public/open/*"}]}"""));
    Check.equal("after", List.of(anonymous("open/k"), anonymous("closed")), List.of(200, 403));
    Check.equal("policy", client.getBucketPolicy(b -> b.bucket(bucket)).policy().contains("s3:GetObject"), true);
    Check.equal("public", client.getBucketPolicyStatus(b -> b.bucket(bucket)).policyStatus().isPublic(), true);
    Check.refused("no statement", "MalformedPolicy", () -> client.putBucketPolicy(b -> b.bucket(bucket).policy("{\"Version\":\"2012-10-17\"}")));
    client.deleteBucketPolicy(b -> b.bucket(bucket));
    Check.equal("without policy", anonymous("open/k"), 403);
  }

  static void cors(S3Client client) throws Exception {
    String bucket = Check.BUCKET;
    CORSRule rule = CORSRule.builder().allowedOrigins("https://*.example.org").allowedMethods("GET", "PUT").allowedHeaders("*")
        .exposeHeaders("ETag").maxAgeSeconds(600).build();
    client.putBucketCors(b -> b.bucket(bucket).corsConfiguration(c -> c.corsRules(rule)));
    Check.equal("rules", client.getBucketCors(b -> b.bucket(bucket)).corsRules(), List.of(rule));
    // The JDK's HTTP client sets Access-Control-* and Origin, which browsers keep to themselves.
    URI object = URI.create(Check.ENDPOINT + "/" + bucket + "/k");
    for (var origin : Map.of("https://app.example.org", 200, "https://example.net", 403).entrySet()) {
      var preflight = Check.fetch("OPTIONS", object, "", "Origin", origin.getKey(),
          "Access-Control-Request-Method", "PUT", "Access-Control-Request-Headers", "x-amz-meta-color");
      Check.equal("preflight of " + origin.getKey(), preflight.statusCode(), origin.getValue());
    }
    client.deleteBucketCors(b -> b.bucket(bucket));
    Check.refused("no rules", "NoSuchCORSConfiguration", () -> client.getBucketCors(b -> b.bucket(bucket)));
  }

  private static void configure(S3Client client, String arn) {
    client.putBucketNotificationConfiguration(b -> b.bucket("events").notificationConfiguration(n -> n.queueConfigurations(
        q -> q.id("all").queueArn(arn).events(Event.S3_OBJECT_CREATED, Event.S3_OBJECT_REMOVED)
            .filter(f -> f.key(k -> k.filterRules(r -> r.name(FilterRuleName.PREFIX).value("seen ")))))));
  }

  /** Has the bucket's events sent to the target; whether they arrive, TestJava sees. */
  static void notification(S3Client client) throws Exception {
    String bucket = "events", key = "seen a+ü", target = System.getenv("TARGET_ARN");
    client.createBucket(b -> b.bucket(bucket));
    configure(client, target);
    var queue = client.getBucketNotificationConfiguration(b -> b.bucket(bucket)).queueConfigurations().get(0);
    Check.equal("rule", List.of(queue.queueArn(), queue.filter().key().filterRules().get(0).value()), List.of(target, "seen "));
    Check.put(client, bucket, key, "x");
    client.deleteObject(b -> b.bucket(bucket).key(key));
    Check.refused("no such target", "InvalidArgument", () -> configure(client, target.replace("::", "::no-")));
  }
}
