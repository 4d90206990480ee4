"""Django's settings, all of them from the environment."""

from redis.backoff import NoBackoff
from redis.retry import Retry

from campshub360.environment import Environment, read

ENVIRONMENT = read(Environment)

DEBUG = False
SECRET_KEY = ENVIRONMENT.django_secret_key
ALLOWED_HOSTS = ENVIRONMENT.allowed_hosts.split(",")
ROOT_URLCONF = "campshub360.urls"
WSGI_APPLICATION = "campshub360.wsgi.application"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "campus",
]
MIDDLEWARE = [
    "campshub360.health.HealthMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
LOGGING_CONFIG = None  # campshub360.logs, before Django is there

DATABASES = {
    "default": {
        "ENGINE": "campshub360.database",
        "HOST": ENVIRONMENT.database_host,
        "PORT": ENVIRONMENT.database_port,
        "NAME": ENVIRONMENT.database_name,
        "USER": ENVIRONMENT.database_user,
        "PASSWORD": ENVIRONMENT.database_password,
        # A connection a thread rather than a pool: after a failover it is replaced at once.
        "CONN_MAX_AGE": 300,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "sslmode": "verify-full",
            "connect_timeout": 3,
            "tcp_user_timeout": 5000,  # a primary that vanished sends no reset
            "keepalives_idle": 10,
            "keepalives_interval": 3,
            "keepalives_count": 2,
            "application_name": f"campshub360 {ENVIRONMENT.app_release}",
            "options": "-c statement_timeout=15000",
        },
    }
}

CACHES = {
    "default": {
        "BACKEND": "campshub360.cache.ForgivingRedisCache",
        "LOCATION": f"rediss://{ENVIRONMENT.cache_host}:{ENVIRONMENT.cache_port}/0",
        "KEY_PREFIX": "campshub360",
        "OPTIONS": {
            "password": ENVIRONMENT.cache_auth_token,
            "socket_connect_timeout": 0.5,
            "socket_timeout": 0.5,
            "retry": Retry(NoBackoff(), 1),  # once, for a pooled connection that went stale
        },
    }
}

# Written to the database, read from the cache: losing the cache logs nobody out.
SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")  # TLS ends at the load balancer

STORAGES = {
    "default": {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {"bucket_name": ENVIRONMENT.media_bucket, "region_name": ENVIRONMENT.aws_region},
    },
    "staticfiles": {
        "BACKEND": "campshub360.static.ReleaseStaticStorage",
        "OPTIONS": {
            "bucket_name": ENVIRONMENT.static_bucket,
            "region_name": ENVIRONMENT.aws_region,
        },
    },
}
STATIC_URL = "/static/"

REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_THROTTLE_CLASSES": ["campus.throttling.ClientThrottle"],
    "EXCEPTION_HANDLER": "campus.errors.handle",
    "NUM_PROXIES": 1,  # the load balancer: it appends the client's address
}
