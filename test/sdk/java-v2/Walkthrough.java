import java.util.LinkedHashMap;
import java.util.Map;
import software.amazon.awssdk.services.s3.S3Client;

/**
 * What users of the AWS SDK for Java v2 do. TestJava of test/sdk runs it, with the endpoint, the
 * credential and the steps in the environment.
 */
public class Walkthrough {
  interface Step {
    void go(S3Client client) throws Exception;
  }

  private static Map<String, Step> steps() {
    Map<String, Step> steps = new LinkedHashMap<>();
    steps.put("buckets", Basics::buckets);
    steps.put("objects", Basics::objects);
    steps.put("listing", Basics::listing);
    steps.put("copies", Basics::copies);
    steps.put("multipart", Uploads::multipart);
    steps.put("transfers", Uploads::transfers);
    steps.put("checksums", Uploads::checksums);
    steps.put("presigned", Uploads::presigned);
    steps.put("tags", Configuration::tags);
    steps.put("policy", Configuration::policy);
    steps.put("cors", Configuration::cors);
    steps.put("notification", Configuration::notification);
    steps.put("versions", Versions::versions);
    steps.put("conditions", Versions::conditions);
    steps.put("lock", Versions::lock);
    steps.put("sse_s3", Secrets::serverKeys);
    steps.put("sse_c", Secrets::customerKeys);
    steps.put("sts", Secrets::temporaryCredentials);
    return steps;
  }

  public static void main(String[] args) throws Exception {
    try (S3Client client = Check.client()) {
      client.createBucket(b -> b.bucket(Check.BUCKET));
      for (String name : System.getenv("STEPS").split(" ")) {
        Step step = steps().get(name);
        if (step == null) {
          throw new IllegalArgumentException("there is no step " + name);
        }
        System.out.println(name);
        step.go(client);
      }
    }
  }
}
