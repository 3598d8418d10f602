#include "src/remote/url.h"

#include <array>

#include "tests/catch.h"

using namespace weigh::core;

TEST_CASE("an address is taken apart and put together") {
  struct Row {
    std::string_view written;
    std::string_view text;
    std::string_view host;
    unsigned port;
  };
  for (const Row& row : std::to_array<Row>({
           {"https://Example.org", "https://example.org/", "example.org", 443},
           {"http://a-b.c:80/x", "http://a-b.c/x", "a-b.c", 80},
           {"https://a:8443/x?y=1#z", "https://a:8443/x?y=1", "a", 8443},
           {"http://[::1]:5/x%20y", "http://[::1]:5/x%20y", "[::1]", 5},
       })) {
    CAPTURE(row.written);
    const auto url = parse_url(row.written);
    REQUIRE(url);
    CHECK(url->text() == row.text);
    CHECK(url->host == row.host);
    CHECK(url->port == row.port);
  }
}

TEST_CASE("what two readers may understand differently is no address") {
  for (const std::string_view text :
       {"", "example.org", "ftp://a/b", "http://", "http:///x", "http://user@host/", "http://good.org\\@evil.org/",
        "http://a:0/", "http://a:65536/", "http://a:x/", "http://a b/", "http://a/\r\nX: y", "http://a/\x01",
        "http://\xc3\xa9/", "https://[::1/x", "http://.a/", "http://a:80:90/"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_url(text));
  }
}

TEST_CASE("a redirect leads where the standard says") {
  const Url base = *parse_url("https://a.org/b/c/d?q=1");
  struct Row {
    std::string_view location;
    std::string_view leads_to;
  };
  for (const Row& row : std::to_array<Row>({
           {"/x?y=/../z", "https://a.org/x?y=/../z"},
           {"e", "https://a.org/b/c/e"},
           {"../e", "https://a.org/b/e"},
           {"../../../../e", "https://a.org/e"},
           {"./", "https://a.org/b/c/"},
           {"?z", "https://a.org/b/c/d?z"},
           {"//other.org/e", "https://other.org/e"},
           {"http://other.org:8080/e#f", "http://other.org:8080/e"},
       })) {
    CAPTURE(row.location);
    const auto url = resolve_url(base, row.location);
    REQUIRE(url);
    CHECK(url->text() == row.leads_to);
  }
  for (const std::string_view location :
       {"", "javascript:alert(1)", "file:///etc/passwd", "//user@host/", "/a\r\nb", "a b"}) {
    CAPTURE(location);
    CHECK_FALSE(resolve_url(base, location));
  }
}

TEST_CASE("an origin is scheme, host and port") {
  const Url url = *parse_url("https://a.org/x");
  CHECK(url.same_origin(*parse_url("https://A.org:443/y")));
  CHECK_FALSE(url.same_origin(*parse_url("http://a.org:443/x")));
  CHECK_FALSE(url.same_origin(*parse_url("https://a.org:444/x")));
  CHECK_FALSE(url.same_origin(*parse_url("https://a.org.evil.org/x")));
}

TEST_CASE("percent encoding there and back") {
  CHECK(percent_encoded("a/b c+\xc3\xa9") == "a%2Fb%20c%2B%C3%A9");
  CHECK(percent_encoded("a/b", "/") == "a/b");
  CHECK(percent_decoded("a%2Fb%20%C3%A9") == "a/b \xc3\xa9");
  CHECK_FALSE(percent_decoded("%2"));
  CHECK_FALSE(percent_decoded("%gg"));
}
