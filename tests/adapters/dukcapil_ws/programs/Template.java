// As Spring's RestTemplate asks: a list of every charset in the header, three kilobytes and more, and Java's own
// Cache-Control. Arguments: URL; calls as JSON lines on standard input.
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;

public class Template {
    public static void main(String[] arguments) throws Exception {
        String charsets = String.join(", ", Charset.availableCharsets().keySet()).toLowerCase();
        BufferedReader calls = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String call = calls.readLine(); call != null; call = calls.readLine()) {
            HttpURLConnection connection = (HttpURLConnection) URI.create(arguments[0]).toURL().openConnection();
            connection.setRequestMethod("POST");
            connection.setUseCaches(false);
            connection.setDoOutput(true);
            connection.setRequestProperty("Accept", "text/plain, application/json, application/*+json, */*");
            connection.setRequestProperty("Accept-Charset", charsets);
            connection.setRequestProperty("Content-Type", "application/json;charset=UTF-8");
            connection.getOutputStream().write(call.getBytes(StandardCharsets.UTF_8));
            byte[] body = connection.getInputStream().readAllBytes();
            System.out.println(new String(body, StandardCharsets.UTF_8));
        }
    }
}
