package iam

// STSAssumeRole is the action of making a temporary credential of oneself.
const STSAssumeRole Action = "sts:AssumeRole"

// The actions of the admin surface, under the names that policies written for
// MinIO use, and two of our own for events.
const (
	AdminServerInfo           Action = "admin:ServerInfo"
	AdminStorageInfo          Action = "admin:StorageInfo"
	AdminDataUsageInfo        Action = "admin:DataUsageInfo"
	AdminServiceRestart       Action = "admin:ServiceRestart"
	AdminServiceStop          Action = "admin:ServiceStop"
	AdminConfigUpdate         Action = "admin:ConfigUpdate"
	AdminPrometheus           Action = "admin:Prometheus"
	AdminListEvents           Action = "admin:ListEvents"
	AdminManageEvents         Action = "admin:ManageEvents"
	AdminCreateUser           Action = "admin:CreateUser"
	AdminListUsers            Action = "admin:ListUsers"
	AdminGetUser              Action = "admin:GetUser"
	AdminDeleteUser           Action = "admin:DeleteUser"
	AdminEnableUser           Action = "admin:EnableUser"
	AdminDisableUser          Action = "admin:DisableUser"
	AdminAddUserToGroup       Action = "admin:AddUserToGroup"
	AdminRemoveUserFromGroup  Action = "admin:RemoveUserFromGroup"
	AdminGetGroup             Action = "admin:GetGroup"
	AdminListGroups           Action = "admin:ListGroups"
	AdminEnableGroup          Action = "admin:EnableGroup"
	AdminDisableGroup         Action = "admin:DisableGroup"
	AdminCreatePolicy         Action = "admin:CreatePolicy"
	AdminDeletePolicy         Action = "admin:DeletePolicy"
	AdminGetPolicy            Action = "admin:GetPolicy"
	AdminListUserPolicies     Action = "admin:ListUserPolicies"
	AdminAttachPolicy         Action = "admin:AttachUserOrGroupPolicy"
	AdminUpdatePolicies       Action = "admin:UpdatePolicyAssociation"
	AdminCreateServiceAccount Action = "admin:CreateServiceAccount"
	AdminUpdateServiceAccount Action = "admin:UpdateServiceAccount"
	AdminRemoveServiceAccount Action = "admin:RemoveServiceAccount"
	AdminListServiceAccounts  Action = "admin:ListServiceAccounts"
	AdminGetBucketQuota       Action = "admin:GetBucketQuota"
	AdminSetBucketQuota       Action = "admin:SetBucketQuota"
	AdminExportIAM            Action = "admin:ExportIAM"
	AdminImportIAM            Action = "admin:ImportIAM"
	AdminListTemporary        Action = "admin:ListTemporaryAccounts"
)

// The actions about master keys.
const (
	KMSStatus    Action = "kms:Status"
	KMSKeyStatus Action = "kms:KeyStatus"
	KMSListKeys  Action = "kms:ListKeys"
	KMSCreateKey Action = "kms:CreateKey"
)
