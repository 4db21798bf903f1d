"""Django: inspectdb's introspection, the ORM, and a write inside atomic()."""
import io

import pytest
from house import detail_of

django = pytest.importorskip("django", reason="Django is not installed (python3-django)")


@pytest.fixture(scope="module")
def shop(house):
    """Django's settings are one per process, so they are made once, for this file's house."""
    from django.conf import settings
    from django.db import connections, models

    words = house.agent_words()
    settings.configure(
        DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", "NAME": words["dbname"], "USER": words["user"],
                               "PASSWORD": words["password"], "HOST": words["host"], "PORT": words["port"]}},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField", INSTALLED_APPS=[], USE_TZ=True)
    django.setup()

    class Customer(models.Model):
        id = models.IntegerField(primary_key=True)
        name = models.TextField()
        city = models.TextField(null=True)
        visits = models.IntegerField(default=0)

        class Meta:
            app_label, db_table, managed = "shop", "customers", False

    class Order(models.Model):
        id = models.IntegerField(primary_key=True)
        customer = models.ForeignKey(Customer, models.DO_NOTHING)
        status = models.TextField()
        total = models.DecimalField(max_digits=10, decimal_places=2)
        notes = models.JSONField()

        class Meta:
            app_label, db_table, managed = "shop", "orders", False

    yield type("Shop", (), {"Customer": Customer, "Order": Order})
    connections.close_all()


def parked(work):
    """Does the work, which must be parked; returns its ticket."""
    from django.db import DatabaseError

    with pytest.raises(DatabaseError) as caught:
        work()
    assert caught.value.__cause__.pgcode == "SP001", caught.value
    return detail_of(caught.value.__cause__)["ticket"]


def test_inspectdb(shop):
    from django.core.management import call_command

    out = io.StringIO()
    call_command("inspectdb", stdout=out)
    assert "class Customers(models.Model):" in out.getvalue()
    assert "customer = models.ForeignKey(Customers" in out.getvalue()
    assert "Unable to inspect" not in out.getvalue()


def test_reads(shop):
    from django.db.models import Count, Sum

    assert shop.Customer.objects.get(pk=7).name == "customer 7"
    assert shop.Order.objects.select_related("customer").get(pk=6).customer.name == "customer 7"
    assert len(shop.Customer.objects.filter(city="Bern", name__icontains="CUSTOMER").order_by("name")[:5]) == 5
    assert shop.Order.objects.values("customer__city").annotate(n=Count("id"), t=Sum("total")).count() == 3
    assert shop.Order.objects.filter(notes__gift=True).exists()
    assert sum(1 for _ in shop.Order.objects.iterator(chunk_size=100)) == 1000


def test_a_refusal_inside_atomic(shop):
    from django.db import ProgrammingError, transaction

    with transaction.atomic():
        with pytest.raises(ProgrammingError) as caught, transaction.atomic():
            shop.Order.objects.filter(pk=1).delete()
        assert caught.value.__cause__.pgcode == "42501"
        assert shop.Order.objects.count() == 1000


def test_a_write_in_atomic(shop, house, look):
    from django.db import transaction

    def work():
        with transaction.atomic():
            customer = shop.Customer.objects.get(pk=50)
            customer.city = "Wil"
            customer.save(update_fields=["city"])

    house.approve(parked(work))
    work()
    assert look("SELECT city FROM customers WHERE id = 50") == "Wil"


def test_a_new_object(shop, house, look):
    def work():
        return shop.Customer.objects.create(id=601, name="Django", city="Wil")

    house.approve(parked(work))
    assert work().pk == 601
    assert look("SELECT name FROM customers WHERE id = 601") == "Django"
