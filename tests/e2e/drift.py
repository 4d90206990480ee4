"""What people do to a stack behind Ansible's back: a change for each thing that the roles promise to repair."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Client = Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class Stack:
    """The stack to change, and who changes it."""

    name: str
    zone: str
    client: Client

    def found(self, kind: str, name: str) -> str:
        """Id of what EC2 holds under that tag Name."""
        ec2 = self.client("ec2")
        key, field, tag = {
            "vpcs": ("Vpcs", "VpcId", "Filters"),
            "subnets": ("Subnets", "SubnetId", "Filters"),
            "internet_gateways": ("InternetGateways", "InternetGatewayId", "Filters"),
            "nat_gateways": ("NatGateways", "NatGatewayId", "Filter"),
            "addresses": ("Addresses", "AllocationId", "Filters"),
            "route_tables": ("RouteTables", "RouteTableId", "Filters"),
            "security_groups": ("SecurityGroups", "GroupId", "Filters"),
            "vpc_endpoints": ("VpcEndpoints", "VpcEndpointId", "Filters"),
        }[kind]
        answer = getattr(ec2, f"describe_{kind}")(**{tag: [{"Name": "tag:Name", "Values": [name]}]})
        return str(answer[key][0][field])

    def tag(self, resource: str) -> None:
        self.client("ec2").create_tags(Resources=[resource], Tags=[{"Key": "Owner", "Value": "somebody"}])

    @property
    def zone_id(self) -> str:
        zones = self.client("route53").list_hosted_zones_by_name(DNSName=f"{self.zone}.")["HostedZones"]
        return str(zones[0]["Id"])

    @property
    def key_id(self) -> str:
        return str(self.client("kms").describe_key(KeyId=f"alias/{self.name}")["KeyMetadata"]["KeyId"])

    def bucket(self, purpose: str) -> str:
        buckets = self.client("s3").list_buckets()["Buckets"]
        return next(
            str(b["Name"])
            for b in buckets
            if b["Name"].startswith(f"{self.name}-") and b["Name"].endswith(f"-{purpose}")
        )

    @property
    def balancer(self) -> str:
        balancers = self.client("elbv2").describe_load_balancers(Names=[self.name])["LoadBalancers"]
        return str(balancers[0]["LoadBalancerArn"])

    def target_group(self, colour: str) -> str:
        groups = self.client("elbv2").describe_target_groups(Names=[f"{self.name}-{colour}"])["TargetGroups"]
        return str(groups[0]["TargetGroupArn"])

    def listener(self, port: int) -> str:
        listeners = self.client("elbv2").describe_listeners(LoadBalancerArn=self.balancer)["Listeners"]
        return next(str(item["ListenerArn"]) for item in listeners if item["Port"] == port)

    @property
    def rule(self) -> Any:
        rules = self.client("elbv2").describe_rules(ListenerArn=self.listener(443))["Rules"]
        return next(rule for rule in rules if not rule["IsDefault"])

    @property
    def cache(self) -> str:
        groups = self.client("elasticache").describe_replication_groups(ReplicationGroupId=self.name)
        return str(groups["ReplicationGroups"][0]["ARN"])

    @property
    def database(self) -> str:
        answer = self.client("rds").describe_db_instances(DBInstanceIdentifier=self.name)
        return str(answer["DBInstances"][0]["DBInstanceArn"])


def network(it: Stack) -> None:
    ec2 = it.client("ec2")
    public = it.found("route_tables", f"{it.name}-public")
    data = it.found("route_tables", f"{it.name}-data")
    ec2.delete_route(RouteTableId=public, DestinationCidrBlock="0.0.0.0/0")
    gateway = it.found("internet_gateways", it.name)
    ec2.create_route(RouteTableId=data, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    ec2.modify_vpc_attribute(VpcId=it.found("vpcs", it.name), EnableDnsHostnames={"Value": False})
    ec2.modify_vpc_endpoint(VpcEndpointId=it.found("vpc_endpoints", f"{it.name}-s3"), RemoveRouteTableIds=[data])
    it.tag(it.found("vpcs", it.name))
    it.tag(it.found("subnets", f"{it.name}-app-a"))
    it.tag(it.found("nat_gateways", f"{it.name}-nat-a"))
    it.tag(it.found("addresses", f"{it.name}-nat-a"))
    it.tag(gateway)


def security(it: Stack) -> None:
    ec2, iam, kms = it.client("ec2"), it.client("iam"), it.client("kms")
    ssh = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.authorize_security_group_ingress(
        GroupId=it.found("security_groups", f"{it.name}-database"), IpPermissions=[ssh]
    )
    app = ec2.describe_security_groups(GroupIds=[it.found("security_groups", f"{it.name}-app")])["SecurityGroups"][0]
    ec2.revoke_security_group_egress(GroupId=app["GroupId"], IpPermissions=app["IpPermissionsEgress"][:1])
    it.tag(it.found("security_groups", f"{it.name}-cache"))
    kms.disable_key_rotation(KeyId=it.key_id)
    kms.update_key_description(KeyId=it.key_id, Description="somebody's")
    kms.tag_resource(KeyId=it.key_id, Tags=[{"TagKey": "Owner", "TagValue": "somebody"}])
    policy = json.loads(kms.get_key_policy(KeyId=it.key_id, PolicyName="default")["Policy"])
    policy["Statement"] = policy["Statement"][:1]
    kms.put_key_policy(KeyId=it.key_id, PolicyName="default", Policy=json.dumps(policy))
    anything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    iam.put_role_policy(RoleName=f"{it.name}-task", PolicyName="more", PolicyDocument=json.dumps(anything))
    iam.put_role_policy(RoleName=f"{it.name}-task", PolicyName="permissions", PolicyDocument=json.dumps(anything))
    iam.update_role(RoleName=f"{it.name}-execution", Description="somebody's")
    iam.attach_role_policy(RoleName=f"{it.name}-execution", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")


def dns(it: Stack) -> None:
    route53 = it.client("route53")
    records = route53.list_resource_record_sets(HostedZoneId=it.zone_id)["ResourceRecordSets"]
    proof = next(record for record in records if record["Type"] == "CNAME")
    changes = [{"Action": "UPSERT", "ResourceRecordSet": proof | {"TTL": 60}}]
    route53.change_resource_record_sets(HostedZoneId=it.zone_id, ChangeBatch={"Changes": changes})
    route53.update_hosted_zone_comment(Id=it.zone_id, Comment="somebody's")
    zone = it.zone_id.rpartition("/")[2]
    owner = [{"Key": "Owner", "Value": "somebody"}]
    route53.change_tags_for_resource(ResourceType="hostedzone", ResourceId=zone, AddTags=owner)


def certificates(it: Stack) -> None:
    acm = it.client("acm")
    summaries = acm.list_certificates()["CertificateSummaryList"]
    arn = next(item["CertificateArn"] for item in summaries if item["DomainName"] == it.zone)
    acm.add_tags_to_certificate(CertificateArn=arn, Tags=[{"Key": "Owner", "Value": "somebody"}])


def secrets(it: Stack) -> None:
    manager = it.client("secretsmanager")
    manager.update_secret(SecretId=f"{it.name}/heartbeat-token", Description="somebody's")
    manager.tag_resource(SecretId=f"{it.name}/database-app", Tags=[{"Key": "Owner", "Value": "somebody"}])


def storage(it: Stack) -> None:
    s3, ecr = it.client("s3"), it.client("ecr")
    s3.delete_bucket_policy(Bucket=it.bucket("media"))
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    s3.put_bucket_encryption(Bucket=it.bucket("documents"), ServerSideEncryptionConfiguration={"Rules": [rule]})
    s3.put_bucket_versioning(Bucket=it.bucket("backups"), VersioningConfiguration={"Status": "Suspended"})
    s3.delete_public_access_block(Bucket=it.bucket("static"))
    s3.delete_bucket_lifecycle(Bucket=it.bucket("static"))
    s3.delete_bucket_tagging(Bucket=it.bucket("static"))
    ecr.put_image_scanning_configuration(repositoryName=it.name, imageScanningConfiguration={"scanOnPush": False})
    ecr.delete_lifecycle_policy(repositoryName=it.name)


def database(it: Stack) -> None:
    rds, logs = it.client("rds"), it.client("logs")
    slow = {"ParameterName": "log_min_duration_statement", "ParameterValue": "9000", "ApplyMethod": "immediate"}
    rds.modify_db_parameter_group(DBParameterGroupName=it.name, Parameters=[slow])
    rds.modify_db_instance(
        DBInstanceIdentifier=it.name, BackupRetentionPeriod=1, DeletionProtection=True, ApplyImmediately=True
    )
    rds.add_tags_to_resource(ResourceName=it.database, Tags=[{"Key": "Owner", "Value": "somebody"}])
    subnets = rds.describe_db_subnet_groups(DBSubnetGroupName=it.name)["DBSubnetGroups"][0]["Subnets"]
    rds.modify_db_subnet_group(
        DBSubnetGroupName=it.name,
        DBSubnetGroupDescription="somebody's",
        SubnetIds=[subnet["SubnetIdentifier"] for subnet in subnets],
    )
    logs.put_retention_policy(logGroupName=f"/aws/rds/instance/{it.name}/postgresql", retentionInDays=1)


def cache(it: Stack) -> None:
    elasticache = it.client("elasticache")
    elasticache.modify_replication_group(ReplicationGroupId=it.name, SnapshotRetentionLimit=3, ApplyImmediately=True)
    elasticache.add_tags_to_resource(ResourceName=it.cache, Tags=[{"Key": "Owner", "Value": "somebody"}])
    elasticache.modify_cache_subnet_group(CacheSubnetGroupName=it.name, CacheSubnetGroupDescription="somebody's")


def load_balancer(it: Stack) -> None:
    elb = it.client("elbv2")
    delay = [{"Key": "deregistration_delay.timeout_seconds", "Value": "300"}]
    elb.modify_target_group_attributes(TargetGroupArn=it.target_group("blue"), Attributes=delay)
    elb.modify_target_group(TargetGroupArn=it.target_group("green"), HealthCheckPath="/")
    idle = [{"Key": "idle_timeout.timeout_seconds", "Value": "120"}]
    elb.modify_load_balancer_attributes(LoadBalancerArn=it.balancer, Attributes=idle)
    elb.modify_listener(ListenerArn=it.listener(443), SslPolicy="ELBSecurityPolicy-TLS13-1-2-2021-06")
    found = {"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_302"}}
    elb.modify_listener(ListenerArn=it.listener(80), DefaultActions=[found])
    conditions = [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/api/*"]}}]
    elb.modify_rule(RuleArn=it.rule["RuleArn"], Conditions=conditions)
    elb.add_tags(ResourceArns=[it.target_group("green")], Tags=[{"Key": "Owner", "Value": "somebody"}])


def cluster(it: Stack) -> None:
    ecs, logs = it.client("ecs"), it.client("logs")
    ecs.update_cluster_settings(cluster=it.name, settings=[{"name": "containerInsights", "value": "disabled"}])
    ecs.put_cluster_capacity_providers(
        cluster=it.name,
        capacityProviders=["FARGATE", "FARGATE_SPOT"],
        defaultCapacityProviderStrategy=[{"capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 0}],
    )
    logs.put_retention_policy(logGroupName=f"/ecs/{it.name}", retentionInDays=1)


def monitoring(it: Stack) -> None:
    cloudwatch = it.client("cloudwatch")
    names = [f"{it.name}-blue-errors", f"{it.name}-green-errors"]
    for alarm in cloudwatch.describe_alarms(AlarmNames=names)["MetricAlarms"]:
        fields = ("AlarmName", "Metrics", "ComparisonOperator", "EvaluationPeriods", "DatapointsToAlarm")
        cloudwatch.put_metric_alarm(**{field: alarm[field] for field in fields}, Threshold=90)
        cloudwatch.tag_resource(ResourceARN=alarm["AlarmArn"], Tags=[{"Key": "Owner", "Value": "somebody"}])
    cloudwatch.disable_alarm_actions(AlarmNames=[f"{it.name}-blue-latency"])
    cloudwatch.delete_alarms(AlarmNames=[f"{it.name}-green-latency"])


DRIFT: dict[str, Callable[[Stack], None]] = {
    role.__name__: role
    for role in (
        network, security, dns, certificates, secrets, storage, database, cache, load_balancer, cluster,
        monitoring,
    )
}  # fmt: skip
